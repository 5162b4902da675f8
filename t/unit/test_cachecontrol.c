/* http/parse/cachecontrol.h: directives are recognised, and not words that look like one;
 * what everybody may keep becomes what only the browser may.
 * links: http/parse/cachecontrol.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <apr_general.h>
#include <cmocka.h>

#include "http/parse/cachecontrol.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(const char *const *fields, size_t count, int expected)
{
    for (size_t i = 0; i < count; i++) {
        if (secsession_cachecontrol_is_private(fields[i]) != expected) {
            fail_msg("%s should %sbe private", fields[i], expected ? "" : "not ");
        }
    }
}

static void bare_directives_are_enough(void **state)
{
    static const char *const fields[] = { "private",
                                          "no-store",
                                          "Private",
                                          "NO-STORE",
                                          " private ",
                                          "a, private",
                                          "private,a=1",
                                          "private,,",
                                          ",\t,no-store",
                                          "a=\"b, \\\" c\",private",
                                          "private, no-store",
                                          "no-cache=\"x\", private",
                                          "private=\"x\", private",
                                          "a=\"\", private" };

    check(fields, COUNT(fields), 1);
}

static void others_are_not(void **state)
{
    static const char *const fields[] = { "",
                                          ",",
                                          "public",
                                          "max-age=0",
                                          "no-cache",
                                          "privat",
                                          "privatee",
                                          "x-private",
                                          "no_store",
                                          "private=x",
                                          "private=\"x\"",
                                          "no-store=\"\"",
                                          "x=private",
                                          "x=\"private\"",
                                          "x=\"a, private\"",
                                          "x=\"\\\", private, \\\"\"" };

    check(fields, COUNT(fields), 0);
}

static void contradictions_and_mistakes_are_not(void **state)
{
    static const char *const fields[] = {
        "private, public",   "PUBLIC,no-store", "public=x, private", "private, s-maxage=1",
        "private;a",         "private public",  "private, a=",       "private, a=\"",
        "private, a=\"\\",   "private, =a",     "private, a =1",     "private, a= 1",
        "private, a=\"b\"c", "private, (a)",    "\"private\"",       "private\x01",
        "private, a=\"\n\"", "private\xc3\xa4"
    };

    check(fields, COUNT(fields), 0);
}

typedef struct {
    const char *field;
    const char *expected; /* NULL: none */
    int is_for_all;
} rewritten_t;

static void check_rewritten(const rewritten_t *cases, size_t count, int lasts)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < count; i++) {
        int is_for_all = 0;
        const char *kept = secsession_cachecontrol_as_private(pool, cases[i].field, lasts,
                                                              &is_for_all);

        if (cases[i].expected == NULL) {
            assert_null(kept);
            continue;
        }
        assert_string_equal(kept, cases[i].expected);
        if (is_for_all != cases[i].is_for_all) {
            fail_msg("%s should %sbe for everybody", cases[i].field,
                     cases[i].is_for_all ? "" : "not ");
        }
    }
    apr_pool_destroy(pool);
}

static void what_is_for_everybody_becomes_private(void **state)
{
    static const rewritten_t cases[] = {
        { "public", "private", 1 },
        { "immutable", "private, immutable", 1 },
        { "max-age=1", "private, max-age=1", 1 },
        { "Public , Max-Age=60,,S-MaxAge=5", "private, Max-Age=60", 1 },
        { "public,max-age=0", "private, max-age=0", 1 },
        { "a=\"b, public\",public", "private, a=\"b, public\"", 1 },
        { "a,b,c,d,public", "private, a, b, c, d", 1 },
    };

    check_rewritten(cases, COUNT(cases), 0);
}

static void what_is_not_said_to_be_for_everybody_is_not(void **state)
{
    static const rewritten_t cases[] = {
        { "", "private", 0 },
        { "max-age=0", "private, max-age=0", 0 },
        { "max-age=00", "private, max-age=00", 0 },
        { "max-age=-1", "private, max-age=-1", 0 },
        { "max-age", "private, max-age", 0 },
        { "max-age=\"60\"", "private, max-age=\"60\"", 0 },
        { "max-age=60, max-age=0", "private, max-age=60, max-age=0", 0 },
        { "max-age=0, max-age=60", "private, max-age=0, max-age=60", 0 },
        { "s-maxage=60", "private", 0 },
        { "no-cache, public", "private, no-cache", 0 },
        { "no-cache=\"x\", public", "private, no-cache=\"x\"", 0 },
        { "no-store, public", NULL, 0 },
        { "private=\"x\", public", NULL, 0 },
        { "public max-age=1", NULL, 0 },
        { "public, max-age=", NULL, 0 },
    };

    check_rewritten(cases, COUNT(cases), 0);
}

static void max_age_overrules_expires(void **state)
{
    static const rewritten_t cases[] = {
        { "", "private", 1 },
        { "must-revalidate", "private, must-revalidate", 1 },
        { "no-cache", "private, no-cache", 0 },
        { "max-age=0", "private, max-age=0", 0 },
        { "max-age=5", "private, max-age=5", 1 },
    };

    check_rewritten(cases, COUNT(cases), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_directives_are_enough),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(contradictions_and_mistakes_are_not),
        cmocka_unit_test(what_is_for_everybody_becomes_private),
        cmocka_unit_test(what_is_not_said_to_be_for_everybody_is_not),
        cmocka_unit_test(max_age_overrules_expires),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
