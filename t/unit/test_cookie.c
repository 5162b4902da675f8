/* http/parse/cookie.h: our cookie is found, no backend sees it, and no other cookie is changed.
 * links: http/parse/cookie.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/cookie.h"

#define NONE SECSESSION_COOKIE_NONE
#define ONE SECSESSION_COOKIE_ONE
#define SEVERAL SECSESSION_COOKIE_SEVERAL

typedef struct {
    const char *field;
    secsession_presented_t presented;
    const char *value; /* only if presented is ONE */
    const char *rest;
} case_t;

static apr_pool_t *pool;

static int is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void check(const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        secsession_values_t values;
        const char *value, *rest;
        secsession_presented_t presented = secsession_cookie_take(pool, cases[i].field, "sid",
                                                                  &values, &rest);

        value = values.texts[0];

        if (presented != cases[i].presented || !is_same(rest, cases[i].rest)
            || (presented == ONE && !is_same(value, cases[i].value))) {
            fail_msg("\"%s\": %d, value \"%s\", rest \"%s\"", cases[i].field, presented,
                     value ? value : "(none)", rest ? rest : "(none)");
        }
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

static void our_cookie_is_found_and_taken_out(void **state)
{
    static const case_t cases[] = {
        { "sid=x", ONE, "x", NULL },
        { "sid=x; a=1", ONE, "x", "a=1" },
        { "a=1; sid=x", ONE, "x", "a=1" },
        { "a=1; sid=x; b=2", ONE, "x", "a=1; b=2" },
        { "a=1;sid=x;b=2", ONE, "x", "a=1; b=2" },
        { "  sid=x\t;", ONE, "x", NULL },
        { "sid=", ONE, "", NULL },
        { "sid", ONE, "", NULL },
        { "sid=a=b", ONE, "a=b", NULL },
        { "sid = x", ONE, " x", NULL },
        { ";;; sid=x ;;;", ONE, "x", NULL },
    };

    CHECK(cases);
}

static void other_cookies_stay_byte_for_byte(void **state)
{
    static const case_t cases[] = {
        { "", NONE, NULL, "" },
        { "a=1", NONE, NULL, "a=1" },
        { "a=1;b=2;;  c", NONE, NULL, "a=1;b=2;;  c" },
        { "a=\"q;q\"; sid=x; b=\"\\\"\"", ONE, "x", "a=\"q; q\"; b=\"\\\"\"" },
        { "a=\xc3\xa4\xff; sid=x; b=%41+ \t2", ONE, "x", "a=\xc3\xa4\xff; b=%41+ \t2" },
        { "=; sid=x; =1", ONE, "x", "=; =1" },
    };

    CHECK(cases);
}

static void only_the_very_name_is_ours(void **state)
{
    static const case_t cases[] = {
        { "SID=x", NONE, NULL, "SID=x" },
        { "Sid=x; sid2=y; xsid=z", NONE, NULL, "Sid=x; sid2=y; xsid=z" },
        { "sid2=x; sid=y", ONE, "y", "sid2=x" },
        { "a=sid=x", NONE, NULL, "a=sid=x" },
        { "\"sid\"=x", NONE, NULL, "\"sid\"=x" },
        { "s%69d=x", NONE, NULL, "s%69d=x" },
        { "sid:x", NONE, NULL, "sid:x" },
    };

    CHECK(cases);
}

static void value_is_never_decoded(void **state)
{
    static const case_t cases[] = {
        { "sid=\"x\"", ONE, "\"x\"", NULL }, { "sid=%78", ONE, "%78", NULL },
        { "sid=x y", ONE, "x y", NULL },     { "sid=x,sid=y", ONE, "x,sid=y", NULL },
        { "sid=\xff", ONE, "\xff", NULL },
    };

    CHECK(cases);
}

static void different_values_are_told_from_one(void **state)
{
    static const case_t cases[] = {
        { "sid=x; sid=x", ONE, "x", NULL },
        { "sid=x; sid=x; sid=x", ONE, "x", NULL },
        { "sid=x; sid=y", SEVERAL, NULL, NULL },
        { "sid=x; sid=X", SEVERAL, NULL, NULL },
        { "sid=x; sid=y; sid=y", SEVERAL, NULL, NULL },
        { "sid=y; sid=x; sid=y", SEVERAL, NULL, NULL },
        { "sid=; sid=x", SEVERAL, NULL, NULL },
        { "sid; a=1; sid=x; b", SEVERAL, NULL, "a=1; b" },
    };

    CHECK(cases);
}

static void three_different_values_are_kept(void **state)
{
    static const struct {
        const char *field, *all;
        int count;
    } cases[] = {
        { "a=1", "", 0 },
        { "sid=x; sid=x", "x", 1 },
        { "sid=x; sid=y; a=1; sid=x", "x y", 2 },
        { "sid; sid=xx; sid=x", " xx x", 3 },
        { "sid=z; sid=y; sid=x; sid=y", "z y x", 3 },
        { "sid=z; sid=y; sid=x; sid=w", "z y x", 4 },
        { "sid=1; sid=2; sid=3; sid=4; sid=5; sid=1", "1 2 3", 4 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        secsession_values_t values;
        const char *all = "", *rest;

        secsession_cookie_take(pool, cases[i].field, "sid", &values, &rest);
        assert_int_equal(values.count, cases[i].count);
        for (int j = 0; j < SECSESSION_COOKIE_VALUES && values.texts[j]; j++) {
            all = apr_pstrcat(pool, all, j ? " " : "", values.texts[j], NULL);
        }
        assert_string_equal(all, cases[i].all);
    }
}

/* httpd joins two Cookie fields of one HTTP/1.1 request with ", ". */
static void cookie_behind_a_comma_is_no_session_and_goes_no_further(void **state)
{
    static const case_t cases[] = {
        { "a=1, sid=x", NONE, NULL, NULL },       { "a=1,sid=x; b=2", NONE, NULL, "b=2" },
        { "a=1, \t sid \t=x", NONE, NULL, NULL }, { "a=1, b=2, sid=x", NONE, NULL, NULL },
        { "a=1, sid=x; sid=y", ONE, "y", NULL },  { "a=1, sid2=x", NONE, NULL, "a=1, sid2=x" },
        { "a=1, b; sid=x", ONE, "x", "a=1, b" },
    };

    CHECK(cases);
}

static void set_cookie_sets_ours_with_a_name_or_without_one(void **state)
{
    static const char *const ours[] = { "sid=x",       "sid",     " sid = x", "sid ; Path=/",
                                        "sid;Path=/",  "=sid",    "=sid=abc", "= sid; Secure",
                                        " \t=\tsid=x", "==sid=x", "sid=",     "= =sid" };
    static const char *const others[] = { "",      "=",      ";",     "a=sid", "sidx=1",  "xsid=1",
                                          "SID=x", "=a=sid", "=sidx", "; sid", "a; sid=x" };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        assert_true(secsession_cookie_is_set_by(ours[i], "sid"));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(secsession_cookie_is_set_by(others[i], "sid"));
    }
}

static void a_thousand_cookies_are_all_kept(void **state)
{
    const char *others = "", *rest;
    secsession_values_t values;

    for (int i = 0; i < 1000; i++) {
        others = apr_psprintf(pool, "%s%sc%d=%d", others, i ? "; " : "", i, i);
    }
    assert_int_equal(secsession_cookie_take(pool, apr_pstrcat(pool, others, "; sid=x", NULL), "sid",
                                            &values, &rest),
                     ONE);
    assert_string_equal(values.texts[0], "x");
    assert_string_equal(rest, others);
}

/* A blank is added after each semicolon, and the result must still fit. */
static void cookies_without_blanks_do_not_overflow(void **state)
{
    char field[4002];
    secsession_values_t values;
    const char *rest;

    for (size_t i = 0; i < sizeof(field); i++) {
        field[i] = i % 2 ? ';' : 'a';
    }
    memcpy(field + sizeof(field) - 4, "sid", 4);
    assert_int_equal(secsession_cookie_take(pool, field, "sid", &values, &rest), ONE);
    assert_int_equal(strlen(rest), 3 * (sizeof(field) / 2 - 2) - 2);
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
        cmocka_unit_test(our_cookie_is_found_and_taken_out),
        cmocka_unit_test(other_cookies_stay_byte_for_byte),
        cmocka_unit_test(only_the_very_name_is_ours),
        cmocka_unit_test(value_is_never_decoded),
        cmocka_unit_test(different_values_are_told_from_one),
        cmocka_unit_test(three_different_values_are_kept),
        cmocka_unit_test(cookie_behind_a_comma_is_no_session_and_goes_no_further),
        cmocka_unit_test(set_cookie_sets_ours_with_a_name_or_without_one),
        cmocka_unit_test(a_thousand_cookies_are_all_kept),
        cmocka_unit_test(cookies_without_blanks_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
