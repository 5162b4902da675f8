/* http/parse/cachecontrol.h: directives are recognised, and not words that look like one.
 * links: http/parse/cachecontrol.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_directives_are_enough),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(contradictions_and_mistakes_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
