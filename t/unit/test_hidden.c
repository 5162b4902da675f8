/* What http/modsession/state.c keeps in the vault beside the cookies of an application is sent to
 * no backend, whatever the request is, and no application can write it; but it counts for the size
 * of the vault like any other cookie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>
#include <string.h>

#include "session/jar.h"

#define HIDDEN "\001"
#define NOW 1000

static const secsession_kept_t hidden = { HIDDEN "session", "secret", HIDDEN, HIDDEN, 1, "", 0 };
static apr_pool_t *pool;

static void no_backend_gets_it(void **state)
{
    static const secsession_asker_t askers[] = {
        { "localhost", "/", 0, 1 }, { "", "/", 0, 1 }, { "", "", 0, 0 },
        { "localhost", "", 0, 0 },  { "", "*", 0, 0 }, { HIDDEN, "/", 0, 0 },
    };
    secsession_jar_t *jar = secsession_jar_make(pool);

    assert_true(secsession_jar_set(jar, &hidden, NOW));
    for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
        assert_null(secsession_jar_field(pool, jar, &askers[i], NOW));
    }
}

static void no_application_writes_it(void **state)
{
    static const secsession_asker_t asker = { "localhost", "/", 0, 1 };
    static const char *const fields[] = {
        HIDDEN "session=forged",
        HIDDEN "session=forged; Domain=" HIDDEN,
        HIDDEN "session=forged; Path=" HIDDEN,
    };
    secsession_kept_t cookie;

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        assert_false(secsession_jar_parse(pool, fields[i], &asker, NOW, &cookie));
    }
}

static void it_counts(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);
    secsession_kept_t large = hidden;
    char value[SECSESSION_JAR_BYTES + 1];

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1 - strlen(hidden.name)] = '\0';
    large.value = value;
    secsession_jar_set(jar, &large, NOW);
    assert_true(secsession_jar_fits(jar));
    large.name = HIDDEN "sessions";
    secsession_jar_set(jar, &large, NOW);
    assert_false(secsession_jar_fits(jar));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_backend_gets_it),
        cmocka_unit_test(no_application_writes_it),
        cmocka_unit_test(it_counts),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
