/* http/parse/scopes.h: every scope is found in which a browser can keep a cookie that it sends.
 * links: http/parse/scopes.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/scopes.h"

static apr_pool_t *pool;

/* The scopes, one behind the other, without the names of the attributes. */
static void check(const char *target, const char *host, int most, const char *expected)
{
    const apr_array_header_t *scopes = secsession_scopes_of(pool, target, host, most);
    const char *all = "";

    for (int i = 0; i < scopes->nelts; i++) {
        const char *scope = APR_ARRAY_IDX(scopes, i, const char *);
        const char *domain = strstr(scope, "; Domain=");

        assert_int_equal(strncmp(scope, "; Path=/", 8), 0);
        scope += 7;
        all = domain ? apr_pstrcat(pool, all, *all ? " " : "", domain + 9,
                                   apr_pstrmemdup(pool, scope, domain - scope), NULL)
                     : apr_pstrcat(pool, all, *all ? " " : "", scope, NULL);
    }
    assert_string_equal(all, expected);
}

static void paths_are_those_that_the_target_begins_with(void **state)
{
    check("/", NULL, 40, "/");
    check("/app", NULL, 40, "/ /app");
    check("/app/", NULL, 40, "/ /app /app/");
    check("/app/show?a=/b/c", NULL, 40, "/ /app /app/ /app/show");
    check("/app#/b", NULL, 40, "/ /app");
    check("//a", NULL, 40, "/ // //a");
    check("/a%2Fb/c", NULL, 40, "/ /a%2Fb /a%2Fb/ /a%2Fb/c");
}

static void domains_are_those_that_the_host_belongs_to(void **state)
{
    check("/", "example.org", 40, "/ example.org/");
    check("/", "a.b.example.org", 40, "/ a.b.example.org/ b.example.org/ example.org/");
    check("/", "x_1.a-b.org", 40, "/ x_1.a-b.org/ a-b.org/");
    check("/a", "b.org", 40, "/ b.org/ /a b.org/a");
}

static void hosts_without_domains_have_paths_alone(void **state)
{
    static const char *const hosts[] = {
        "localhost", "127.0.0.1", "0x7f.1", "[::1]", "::1",          "", ".", "a..b",
        ".a.b",      "a.b.",      "a.b;c",  "a.b c", "a.\xc3\xa4.b",
    };

    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        check("/a", hosts[i], 40, "/ /a");
    }
    check("/", "1.2.example", 40, "/ 1.2.example/ 2.example/");
}

static void what_cannot_be_said_is_left_out(void **state)
{
    check("", "example.org", 40, "");
    check("*", "example.org", 40, "");
    check("app/show", NULL, 40, "");
    check("/app/a;b/c", NULL, 40, "/ /app /app/");
    check("/app;x", NULL, 40, "/");
    check("/app/\r\nSet-Cookie: x", NULL, 40, "/ /app /app/");
    check("/app/\xc3\xa4", NULL, 40, "/ /app /app/");
}

static void there_is_an_end(void **state)
{
    char target[1001];

    check("/a/b", "x.example.org", 4, "/ x.example.org/ example.org/ /a");
    check("/a/b", "x.example.org", 0, "");
    for (size_t i = 0; i < sizeof(target); i++) {
        target[i] = i % 2 ? 'a' : '/';
    }
    target[1000] = '\0';
    assert_int_equal(secsession_scopes_of(pool, target, NULL, 10000)->nelts,
                     SECSESSION_SCOPES_LONGEST);
    memset(target + 1, 'a', 999);
    check(target, NULL, 40, "/");
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
        cmocka_unit_test(paths_are_those_that_the_target_begins_with),
        cmocka_unit_test(domains_are_those_that_the_host_belongs_to),
        cmocka_unit_test(hosts_without_domains_have_paths_alone),
        cmocka_unit_test(what_cannot_be_said_is_left_out),
        cmocka_unit_test(there_is_an_end),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
