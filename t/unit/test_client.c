/* session/client.h: what a client calls itself, as it goes into the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "session/client.h"

static apr_pool_t *pool;

static const char *clean(const char *agent)
{
    const secsession_client_t client = { "192.0.2.1", agent };

    return secsession_client_agent(&client, pool);
}

static void only_printable_characters_are_kept(void **state)
{
    char all[256];
    const char *kept;

    for (int i = 0; i < 255; i++) {
        all[i] = (char)(i + 1);
    }
    all[255] = '\0';
    kept = clean(all);
    for (int i = 0; i < 255; i++) {
        int byte = i + 1;

        assert_int_equal(kept[i], byte >= 0x20 && byte < 0x7F ? byte : '?');
    }
}

static void so_much_is_kept_as_there_is_room_for(void **state)
{
    char long_one[300];

    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    assert_int_equal(strlen(clean(long_one)), 255);
    assert_string_equal(clean("Mozilla/5.0 (X11)"), "Mozilla/5.0 (X11)");
    assert_string_equal(clean(""), "");
    assert_null(clean(NULL));
}

static int set_up(void **state)
{
    return apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_printable_characters_are_kept),
        cmocka_unit_test(so_much_is_kept_as_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
