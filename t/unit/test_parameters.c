/* store/parameters.h: the values of a statement arrive as they were added, and one too many is
 * never written beyond the others.
 * links: store/parameters.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <httpd.h>

#include "store/parameters.h"

/* httpd's own logs and aborts. */
void ap_log_assert(const char *what, const char *file, int line)
{
    mock_assert(0, what, file, line);
    abort();
}

static void values_arrive_as_they_were_added(void **state)
{
    const secsession_hash_t hash = { "0123456789abcdef0123456789abcde" };
    secsession_parameters_t parameters = { 0 };
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    secsession_parameters_add_text(&parameters, "text");
    secsession_parameters_add_text(&parameters, NULL);
    secsession_parameters_add_truth(&parameters, 2);
    secsession_parameters_add_truth(&parameters, 0);
    secsession_parameters_add_number(&parameters, pool, INT64_MIN);
    secsession_parameters_add_bytes(&parameters, "\0\1", 2);
    secsession_parameters_add_hash(&parameters, &hash);
    secsession_parameters_add_hash(&parameters, NULL);

    assert_int_equal(parameters.count, 8);
    assert_string_equal(parameters.values[0], "text");
    assert_null(parameters.values[1]);
    assert_string_equal(parameters.values[2], "true");
    assert_string_equal(parameters.values[3], "false");
    assert_string_equal(parameters.values[4], "-9223372036854775808");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(parameters.formats[i], 0);
    }
    assert_memory_equal(parameters.values[5], "\0\1", 2);
    assert_int_equal(parameters.lengths[5], 2);
    assert_int_equal(parameters.formats[5], 1);
    assert_memory_equal(parameters.values[6], hash.bytes, SECSESSION_HASH_BYTES);
    assert_int_equal(parameters.lengths[6], SECSESSION_HASH_BYTES);
    assert_int_equal(parameters.formats[6], 1);
    assert_null(parameters.values[7]);
    apr_pool_destroy(pool);
}

static void one_too_many_is_not_written(void **state)
{
    struct {
        secsession_parameters_t parameters;
        unsigned char behind[64];
    } memory = { 0 };

    for (int i = 0; i < SECSESSION_PARAMETERS; i++) {
        secsession_parameters_add_text(&memory.parameters, "text");
    }
    expect_assert_failure(secsession_parameters_add_text(&memory.parameters, "text"));
    expect_assert_failure(secsession_parameters_add_bytes(&memory.parameters, "bytes", 5));
    assert_int_equal(memory.parameters.count, SECSESSION_PARAMETERS);
    for (apr_size_t i = 0; i < sizeof(memory.behind); i++) {
        assert_int_equal(memory.behind[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive_as_they_were_added),
        cmocka_unit_test(one_too_many_is_not_written),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
