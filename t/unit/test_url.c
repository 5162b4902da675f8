/* http/parse/url.h: session ids are removed from URLs, however they are written; all other URLs are
 * unchanged, and no URL leads to another host afterwards.
 * links: http/parse/url.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef const char *clean_t(apr_pool_t *, const char *, const char *const *,
                            secsession_url_ids_t *);

typedef struct {
    const char *text;
    const char *clean; /* NULL: it is not changed */
    int is_odd;
} case_t;

static const char *const NAMES[] = { "PHPSESSID", "jsessionid", "my_sid", NULL };

static apr_pool_t *pool;

static void check_case(clean_t *clean, const case_t *one)
{
    secsession_url_ids_t ids = { 0 };
    const char *cleaned = clean(pool, one->text, NAMES, &ids);

    if (one->clean == NULL) {
        if (cleaned != one->text || ids.name || ids.in_path || ids.is_odd) {
            fail_msg("\"%s\" is not left alone: \"%s\"", one->text, cleaned);
        }
        return;
    }
    if (strcmp(cleaned, one->clean) != 0 || ids.name == NULL) {
        fail_msg("\"%s\" becomes \"%s\"", one->text, cleaned);
    }
    if (ids.is_odd != one->is_odd) {
        fail_msg("\"%s\" is %s odd", one->text, ids.is_odd ? "called" : "not called");
    }
}

static void check(clean_t *clean, const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_case(clean, &cases[i]);
    }
}

static void arguments_with_ids_go(void **state)
{
    static const case_t cases[] = {
        { "PHPSESSID=1", "", 0 },
        { "PHPSESSID", "", 0 },
        { "PHPSESSID=", "", 0 },
        { "phpsessid=1", "", 0 },
        { "a=1&PHPSESSID=2&b=3", "a=1&b=3", 0 },
        { "PHPSESSID=1&a=1", "a=1", 0 },
        { "a=1&PHPSESSID=2", "a=1", 0 },
        { "PHPSESSID=1&a=1&PHPSESSID=2&jsessionid=3", "a=1", 0 },
        { "a=1;PHPSESSID=2;b=3", "a=1;b=3", 0 },
        { "a=1;PHPSESSID=2&b=3", "a=1&b=3", 0 },
        { "a&&PHPSESSID=1&&b", "a&&&b", 0 },
        { "&PHPSESSID=1", "", 0 },
        { "%50HPSESSID=1", "", 0 },
        { "%50%48%50%53%45%53%53%49%44=1", "", 0 },
        { "%70hpsess%69d=1", "", 0 },
        { "+PHPSESSID=1", "", 0 },
        { "%20%20PHPSESSID=1", "", 0 },
        { "PHPSESSID[]=1", "", 0 },
        { "PHPSESSID%5B0%5D=1", "", 0 },
        { "PHPSESSID%00x=1", "", 0 },
        { "my.sid=1&my+sid=2&my%20sid=3&my[sid=4&my%5fsid=5", "", 0 },
        { "a=%26&PHPSESSID=1", "a=%26", 0 },
        { "%&PHPSESSID=1", "%", 0 },
        { "a=1&PHPSESSID==&b", "a=1&b", 0 },
    };

    check(secsession_url_clean_query, cases, COUNT(cases));
}

static void other_arguments_stay(void **state)
{
    static const case_t cases[] = {
        { "", NULL, 0 },
        { "a", NULL, 0 },
        { "a=PHPSESSID", NULL, 0 },
        { "a=PHPSESSID=1", NULL, 0 },
        { "PHPSESSIDX=1", NULL, 0 },
        { "XPHPSESSID=1", NULL, 0 },
        { "PHPSESSI=1", NULL, 0 },
        { "P%48", NULL, 0 },
        { "PHPSESSI%", NULL, 0 },
        { "PHPSESSI%4", NULL, 0 },
        { "PHPSESSI%4G=1", NULL, 0 },
        { "%2550HPSESSID=1", NULL, 0 },
        { "PHP-SESSID=1", NULL, 0 },
        { "&&;;&", NULL, 0 },
        { "return=/a?PHPSESSID=1", NULL, 0 },
        { "mysid=1", NULL, 0 },
    };

    check(secsession_url_clean_query, cases, COUNT(cases));
}

static void path_parameters_with_ids_go(void **state)
{
    static const case_t cases[] = {
        { "/a;jsessionid=1", "/a", 0 },
        { "/a;jsessionid=1/b", "/a/b", 0 },
        { "/a;JSESSIONID=1.node2!x", "/a", 0 },
        { "/a;jsessionid", "/a", 0 },
        { "/a;jsessionid=", "/a", 0 },
        { "/a;x=1;jsessionid=2;y=3/b;jsessionid=4", "/a;x=1;y=3/b", 0 },
        { "/;jsessionid=1", "/", 0 },
        { "/a/;jsessionid=1", "/a/", 0 },
        { "/a;%6asessionid=1", "/a", 0 },
        { "/a%3bjsessionid=1", "/a", 0 },
        { "/a%3Bjsessionid%3D1/b", "/a/b", 0 },
        { "/a;jsessionid=1%3bx=2", "/a%3bx=2", 0 },
        { "/a;jsessionid=1%2Fb", "/a%2Fb", 0 },
        { "/a;jsessionid=1=2,3", "/a", 0 },
        { "/.a;jsessionid=1/...;jsessionid=1/", "/.a/.../", 0 },
        { "/a;PHPSESSID=1", "/a", 0 },
    };

    check(secsession_url_clean_path, cases, COUNT(cases));
}

static void paths_that_would_become_others_are_told_of(void **state)
{
    static const case_t cases[] = {
        { "/a/..;jsessionid=1/b", "/a/../b", 1 },
        { "/a/..;jsessionid=1", "/a/..", 1 },
        { "/a/.%2E%3Bjsessionid=1/b", "/a/.%2E/b", 1 },
        { "/a/.;jsessionid=1/b", "/a/./b", 1 },
        { "/;jsessionid=1/b", "/./b", 1 },
        { "/;jsessionid=1//b", "/.//b", 1 },
        { "/;jsessionid=1;jsessionid=2\\b", "/.\\b", 1 },
        { "/a/;jsessionid=1%2fb", "/a/.%2fb", 1 },
    };

    check(secsession_url_clean_path, cases, COUNT(cases));
}

static void other_paths_stay(void **state)
{
    static const case_t cases[] = {
        { "", NULL, 0 },
        { "/", NULL, 0 },
        { "*", NULL, 0 },
        { "/jsessionid=1", NULL, 0 },
        { "/a;x", NULL, 0 },
        { "/a;;b;", NULL, 0 },
        { "/a;xjsessionid=1", NULL, 0 },
        { "/a;jsessionid.x=1", NULL, 0 },
        { "/a%253Bjsessionid=1", NULL, 0 },
        { "/..;/a//b/./%2e%2e/", NULL, 0 },
        { "/%", NULL, 0 },
        { "/;%6", NULL, 0 },
        { "/;", NULL, 0 },
    };

    check(secsession_url_clean_path, cases, COUNT(cases));
}

static void what_a_client_asks_for(void **state)
{
    static const case_t cases[] = {
        { "/a;jsessionid=1?b&PHPSESSID=2", "/a?b", 0 },
        { "/a?PHPSESSID=2", "/a", 0 },
        { "//a;jsessionid=1/b", "//a/b", 0 },
        { "///;jsessionid=1", "///", 0 },
        { "http://h/a;jsessionid=1?b", "http://h/a?b", 0 },
        { "*", NULL, 0 },
        { "h:443", NULL, 0 },
        { "/a?", NULL, 0 },
        { "/a?b?PHPSESSID=1", NULL, 0 },
    };

    check(secsession_url_clean_target, cases, COUNT(cases));
}

static void links_lose_their_ids(void **state)
{
    static const case_t cases[] = {
        { "http://h/a?PHPSESSID=1", "http://h/a", 0 },
        { "https://h/a;jsessionid=1?b=1&PHPSESSID=2&c=3#f", "https://h/a?b=1&c=3#f", 0 },
        { "HTTP://u@h:8/a?PHPSESSID=1#f?x", "HTTP://u@h:8/a#f?x", 0 },
        { "http://h?PHPSESSID=1", "http://h", 0 },
        { "http://h/;jsessionid=1", "http://h/", 0 },
        { "//h/a;jsessionid=1", "//h/a", 0 },
        { "a;jsessionid=1", "a", 0 },
        { "../a?PHPSESSID=1#", "../a#", 0 },
        { "?PHPSESSID=1", "?", 0 },
        { "?PHPSESSID=1#a", "?#a", 0 },
        { "?a&PHPSESSID=1", "?a", 0 },
        { ";jsessionid=1", ".", 1 },
        { ";jsessionid=1?a", ".?a", 1 },
        { "/a?b c&PHPSESSID=1", "/a?b c", 0 },
    };

    check(secsession_url_clean_link, cases, COUNT(cases));
}

static void no_link_leads_elsewhere_then(void **state)
{
    static const case_t cases[] = {
        { "/;jsessionid=1/other.example", "/./other.example", 1 },
        { "/;jsessionid=1//other.example", "/.//other.example", 1 },
        { "/;jsessionid=1\\other.example", "/.\\other.example", 1 },
        { "/;jsessionid=1;jsessionid=2/other.example", "/./other.example", 1 },
        { ";jsessionid=1//other.example", ".//other.example", 1 },
        { ";jsessionid=1///other.example", ".///other.example", 1 },
        { ";jsessionid=1/javascript:alert(1)", "./javascript:alert(1)", 1 },
        { "http://h/;jsessionid=1/a", "http://h/./a", 1 },
        /* What was read as a user name, "other.example;jsessionid=1", must not become a host. */
        { "http://other.example;jsessionid=1@h/", NULL, 0 },
        { "//other.example;jsessionid=1@h/", NULL, 0 },
        { "/\\other.example;jsessionid=1@h/", NULL, 0 },
        { "\\\\other.example;jsessionid=1@h/", NULL, 0 },
        { "///other.example;jsessionid=1@h/", NULL, 0 },
        { "http:other.example;jsessionid=1@h/", NULL, 0 },
        { "http:/other.example;jsessionid=1@h/", NULL, 0 },
        { "http:\\\\/other.example;jsessionid=1@h/", NULL, 0 },
        { "/\t/other.example;jsessionid=1@h/", NULL, 0 },
        { " //other.example;jsessionid=1@h/", NULL, 0 },
        { "/\n/other.example;jsessionid=1@h/", NULL, 0 },
        { "ht\ttp://other.example;jsessionid=1@h/", NULL, 0 },
    };

    check(secsession_url_clean_link, cases, COUNT(cases));
}

static void other_links_stay(void **state)
{
    static const case_t cases[] = {
        { "", NULL, 0 },
        { "http://h", NULL, 0 },
        { "http://h/a?b#c;jsessionid=1?PHPSESSID=1", NULL, 0 },
        { "mailto:a@b?PHPSESSID=1", NULL, 0 },
        { "javascript:a;jsessionid=1", NULL, 0 },
        { "data:;jsessionid=1,x", NULL, 0 },
        { "app://h/a;jsessionid=1", NULL, 0 },
        { "h:p://h/a;jsessionid=1", NULL, 0 },
        { "/a b;jsessionid=1", NULL, 0 },
        { "/a\x7f;jsessionid=1", NULL, 0 },
        { "/login?return=%2Fa%3FPHPSESSID%3D1", NULL, 0 },
    };

    check(secsession_url_clean_link, cases, COUNT(cases));
}

static void refresh_loses_its_id(void **state)
{
    static const case_t cases[] = {
        { "5; url=/a?PHPSESSID=1", "5; url=/a", 0 },
        { "0;URL='/a;jsessionid=1?b' x", "0;URL='/a?b' x", 0 },
        { "0, url = \"http://h/?PHPSESSID=1&a\"", "0, url = \"http://h/?a\"", 0 },
        { " 1.5 /a?PHPSESSID=1", " 1.5 /a", 0 },
        { "5;url='/a?PHPSESSID=1", "5;url='/a", 0 },
        { "5", NULL, 0 },
        { "5; url=/a", NULL, 0 },
        { "5;", NULL, 0 },
        { "", NULL, 0 },
        { "/a?PHPSESSID=1", NULL, 0 },
        { "5/a?PHPSESSID=1", NULL, 0 },
    };

    check(secsession_url_clean_refresh, cases, COUNT(cases));
}

static void a_long_url_is_no_burden(void **state)
{
    size_t count = 100000;
    char *query = apr_palloc(pool, 2 * count + sizeof("PHPSESSID"));
    secsession_url_ids_t ids = { 0 };
    const char *clean;

    for (size_t i = 0; i < count; i++) {
        memcpy(query + 2 * i, "a&", 2);
    }
    memcpy(query + 2 * count, "PHPSESSID", sizeof("PHPSESSID"));
    clean = secsession_url_clean_query(pool, query, NAMES, &ids);
    assert_int_equal(strlen(clean), 2 * count - 1);
    assert_string_equal(ids.name, "PHPSESSID");
}

static int make_pool(void **state)
{
    return apr_initialize() == APR_SUCCESS && apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : -1;
}

static int destroy_pool(void **state)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

static void every_link_of_a_field_is_cleaned(void **state)
{
    static const char *const names[] = { "sid", NULL };
    static const char *const cases[][2] = {
        { "</a;sid=1>; rel=next", "</a>; rel=next" },
        { "<a?sid=1>,<b?x&sid=2>;title=\"<c;sid=3> \\\" <d;sid=4>\"",
          "<a>,<b?x>;title=\"<c;sid=3> \\\" <d;sid=4>\"" },
        { "<", "<" },
        { "</a;sid=1", "</a" },
        { "\"", "\"" },
        { "\"\\", "\"\\" },
        { "<>", "<>" },
        { "", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        secsession_url_ids_t ids = { 0 };

        assert_string_equal(secsession_url_clean_links(pool, cases[i][0], names, &ids),
                            cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_with_ids_go),
        cmocka_unit_test(other_arguments_stay),
        cmocka_unit_test(path_parameters_with_ids_go),
        cmocka_unit_test(paths_that_would_become_others_are_told_of),
        cmocka_unit_test(other_paths_stay),
        cmocka_unit_test(what_a_client_asks_for),
        cmocka_unit_test(links_lose_their_ids),
        cmocka_unit_test(no_link_leads_elsewhere_then),
        cmocka_unit_test(other_links_stay),
        cmocka_unit_test(refresh_loses_its_id),
        cmocka_unit_test(a_long_url_is_no_burden),
        cmocka_unit_test(every_link_of_a_field_is_cleaned),
    };

    return cmocka_run_group_tests(tests, make_pool, destroy_pool);
}
