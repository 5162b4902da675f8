/* http/parse/attributes.h: an application's cookies get the attributes that they lack, and lose
 * nothing.
 * links: http/parse/attributes.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "http/parse/attributes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ALL "; Secure; HttpOnly; SameSite=Lax"

typedef struct {
    const char *field;
    const char *hardened; /* NULL: it is not changed */
} case_t;

static apr_pool_t *pool;

static void check(const case_t *cases, size_t count, int is_secure)
{
    for (size_t i = 0; i < count; i++) {
        const char *hardened = secsession_attributes_harden(pool, cases[i].field, is_secure, 1);

        if (cases[i].hardened == NULL ? hardened != cases[i].field
                                      : strcmp(hardened, cases[i].hardened) != 0) {
            fail_msg("\"%s\" becomes \"%s\"", cases[i].field, hardened);
        }
        if (secsession_attributes_harden(pool, hardened, is_secure, 1) != hardened) {
            fail_msg("\"%s\" is not done", hardened);
        }
    }
}

static void what_is_missing_is_added(void **state)
{
    static const case_t cases[] = {
        { "a=1", "a=1" ALL },
        { "a", "a" ALL },
        { "=1", "=1" ALL },
        { "a=", "a=" ALL },
        { "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
          "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT" ALL },
        { "a=1; Secure", "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; HttpOnly", "a=1; HttpOnly; Secure; SameSite=Lax" },
        { "a=1; SameSite=Strict", "a=1; SameSite=Strict; Secure; HttpOnly" },
        { "a=1;secure;HTTPONLY", "a=1;secure;HTTPONLY; SameSite=Lax" },
        { "a=1 ;\tSeCuRe ; httponly=0;samesite = \tLAX ", NULL },
        { "a=1; Secure=no; HttpOnly; SameSite=none", NULL },
        { "a=1; SameSite=None; HttpOnly", "a=1; SameSite=None; HttpOnly; Secure" },
        { "__Host-a=1; Path=/", "__Host-a=1; Path=/" ALL },
        { "__Secure-a=1; HttpOnly", "__Secure-a=1; HttpOnly; Secure; SameSite=Lax" },
        { "a=1;", "a=1" ALL },
        { "a=1; ; ;; ", "a=1" ALL },
        { " a = 1 ; Path=/ ", " a = 1 ; Path=/" ALL },
    };

    check(cases, COUNT(cases), 1);
}

static void a_value_is_never_taken_for_an_attribute(void **state)
{
    static const case_t cases[] = {
        { "Secure", "Secure" ALL },
        { "HttpOnly=SameSite=Lax", "HttpOnly=SameSite=Lax" ALL },
        { "a=Secure, HttpOnly, SameSite=Lax", "a=Secure, HttpOnly, SameSite=Lax" ALL },
        { "a=\"x; Secure; y\"", "a=\"x; Secure; y\"; HttpOnly; SameSite=Lax" },
        { "a=1; Path=Secure; Domain=HttpOnly", "a=1; Path=Secure; Domain=HttpOnly" ALL },
        { "a=1; Secured; HttpOnlyX; SameSiteX=Lax", "a=1; Secured; HttpOnlyX; SameSiteX=Lax" ALL },
        { "a=1; Path=/; Secure HttpOnly", "a=1; Path=/; Secure HttpOnly" ALL },
        { "a=\xff\xfe\x01; Path=\x80", "a=\xff\xfe\x01; Path=\x80" ALL },
    };

    check(cases, COUNT(cases), 1);
}

static void a_same_site_that_no_browser_knows_is_replaced(void **state)
{
    static const case_t cases[] = {
        { "a=1; SameSite=; Path=/", "a=1; SameSite=Lax; Path=/; Secure; HttpOnly" },
        { "a=1; SameSite; Secure; HttpOnly", "a=1; SameSite=Lax; Secure; HttpOnly" },
        { "a=1;samesite=Some ;Secure;HttpOnly", "a=1;SameSite=Lax ;Secure;HttpOnly" },
        { "a=1; SameSite=Lax; SameSite=x; Secure; HttpOnly",
          "a=1; SameSite=Lax; SameSite=Lax; Secure; HttpOnly" },
        { "a=1; SameSite=x; SameSite=Strict; Secure; HttpOnly", NULL },
        { "a=1; Secure; HttpOnly; SameSite", "a=1; Secure; HttpOnly; SameSite=Lax" },
    };

    check(cases, COUNT(cases), 1);
}

static void what_is_no_cookie_is_left_alone(void **state)
{
    static const case_t cases[] = {
        { "", NULL }, { " \t", NULL }, { ";", NULL }, { "; Secure", NULL }, { " ; Path=/", NULL },
    };

    check(cases, COUNT(cases), 1);
}

static void without_tls_none_is_secure_but_where_it_must_be(void **state)
{
    static const case_t cases[] = {
        { "a=1", "a=1; HttpOnly; SameSite=Lax" },
        { "a=1; HttpOnly; SameSite=Lax", NULL },
        { "a=1; Secure", "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; HttpOnly; SameSite=None", "a=1; HttpOnly; SameSite=None; Secure" },
        { "__Host-a=1; Path=/", "__Host-a=1; Path=/; HttpOnly; SameSite=Lax" },
    };

    check(cases, COUNT(cases), 0);
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

static void scripts_may_read_what_is_for_them(void **state)
{
    static const char *const fields[][2] = {
        { "a=1", "a=1; Secure; SameSite=Lax" },
        { "a=1; HttpOnly", "a=1; HttpOnly; Secure; SameSite=Lax" },
        { "a=1; Secure; SameSite=Strict", "a=1; Secure; SameSite=Strict" },
    };

    for (size_t i = 0; i < COUNT(fields); i++) {
        assert_string_equal(secsession_attributes_harden(pool, fields[i][0], 1, 0), fields[i][1]);
    }
}

static void what_no_script_may_read_is_told(void **state)
{
    assert_true(secsession_attributes_is_http_only("a=b; HttpOnly"));
    assert_true(secsession_attributes_is_http_only("a=b;path=/;httponly=no"));
    assert_true(secsession_attributes_is_http_only("a; HTTPONLY ;x"));
    assert_false(secsession_attributes_is_http_only("HttpOnly=b; path=/"));
    assert_false(secsession_attributes_is_http_only("a=b; path=HttpOnly; HttpOnlyx"));
    assert_false(secsession_attributes_is_http_only(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_added),
        cmocka_unit_test(a_value_is_never_taken_for_an_attribute),
        cmocka_unit_test(a_same_site_that_no_browser_knows_is_replaced),
        cmocka_unit_test(what_is_no_cookie_is_left_alone),
        cmocka_unit_test(without_tls_none_is_secure_but_where_it_must_be),
        cmocka_unit_test(scripts_may_read_what_is_for_them),
        cmocka_unit_test(what_no_script_may_read_is_told),
    };

    return cmocka_run_group_tests(tests, make_pool, destroy_pool);
}
