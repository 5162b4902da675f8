/* http/parse/fields.h: the user name is taken from a form only if no application could read another
 * name in it.
 * links: http/parse/fields.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/fields.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static apr_pool_t *pool;

static int set_up(void **state)
{
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static void field_is_read_as_browsers_write_it(void **state)
{
    static const struct {
        const char *form, *value;
    } cases[] = {
        { "user=alice", "alice" },
        { "user=alice&password=x", "alice" },
        { "password=x&user=alice", "alice" },
        { "a=1&&user=alice&", "alice" },
        { "user=", "" },
        { "us%65r=%61lice", "alice" },
        { "user=a+b%2Bc%26%3B%3d", "a b+c&;=" },
        { "user=a=b", "a=b" },
        { "user=%C3%A4", "\xC3\xA4" },
        { "user=alice&user=alice", "alice" },
        { "User=alice&user=al%69ce", "alice" },
        { "user=alice&password=a;b=c", "alice" },
        { "users=x&user2=y&user-name=z&xuser=w&use=v&user=alice", "alice" },
        { "password=100%&user=alice", "alice" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *value = secsession_fields_only(pool, cases[i].form, "user");

        if (value == NULL || strcmp(value, cases[i].value) != 0) {
            fail_msg("%s: %s", cases[i].form, value ? value : "NULL");
        }
    }
}

static void field_that_somebody_may_read_otherwise_is_none(void **state)
{
    static const char *const forms[] = {
        "",
        "user",
        "users=alice",
        "USER=alice",
        "+user=alice",
        "user=alice&user=mallory",
        "user=alice&user",
        "user&user=alice",
        /* applications that read JSON, whatever its type is said to be */
        "{\"user\":\"mallory\",\"x\":\"&user=alice&\"}",
        "/*&user=alice&*/{user:mallory}",
        /* applications that ignore case */
        "user=alice&User=mallory",
        /* PHP */
        "user=alice&+user=mallory",
        "user=alice&%20%20user=mallory",
        "user=alice&user%00x=mallory",
        "user=alice&user[]=mallory",
        "user=alice&user[0]=mallory",
        "user=alice&user%5B%5D=mallory",
        "user=alice&user.=mallory",
        /* Perl's CGI.pm and old Python, for which a semicolon separates */
        "x=1;user=mallory&user=alice",
        "user=alice;user=mallory",
        "user=alice;x=1",
        "x=1;user=alice",
        "user=alice&x=1;user=mallory",
        /* what cannot be decoded, or only some can decode */
        "user=alice&%u0075ser=mallory",
        "user=alice&us%er=mallory",
        "user=alice&%=1",
        "user=alice&%5=1",
        "user=alice&a%0=1",
        "user=%u0061lice",
        "user=a%",
        "user=a%4",
        "user=a%zz",
        "user=alice%00",
        "user=%00alice",
        "user=alice&user=%zz",
    };

    for (size_t i = 0; i < COUNT(forms); i++) {
        const char *value = secsession_fields_only(pool, forms[i], "user");

        if (value) {
            fail_msg("%s: %s", forms[i], value);
        }
    }
}

static void names_are_the_same_where_somebody_makes_them_so(void **state)
{
    static const struct {
        const char *one, *other;
        int is_same;
    } cases[] = {
        { "user", "user", 1 },
        { "user", "users", 0 },
        { "users", "user", 0 },
        { "user", "resu", 0 },
        { "", "user", 0 },
        { "_", "user", 0 },
        { "]", "user", 0 },
        { "user_name", "user.name", 1 },
        { "user name", "user_name", 1 },
        { "user[name", "user_name", 1 },
        { "user[name]", "user[ name]", 1 },
        { "user[name]", "user[name]x", 1 },
        { "user[name]", "user[name][]", 1 },
        { "user[name]", "user[password]", 0 },
        { "user[password]", "user[name]", 0 },
        { "user[0]", "user", 1 },
        { "user[]", "user", 1 },
        { "user", "user[]", 1 },
        { "user[0]", "user1", 0 },
        { "user[name]", "user[names]", 0 },
        { "\t\n user", "user", 1 },
        { "USER", "user", 1 },
        { "us\xC3\xA4r", "us\xC3\xA4r", 1 },
        { "us\xC3\xA4r", "us\xC3\xB6r", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (secsession_fields_is_same(cases[i].one, cases[i].other) != cases[i].is_same) {
            fail_msg("%s and %s", cases[i].one, cases[i].other);
        }
    }
}

static void forms_of_frameworks_have_their_fields(void **state)
{
    const char *rails = "authenticity_token=x&user[email]=a%40b&user[password]=p&commit=Log+in";

    assert_string_equal(secsession_fields_only(pool, rails, "user[email]"), "a@b");
    assert_string_equal(secsession_fields_only(pool, "user%5Bemail%5D=a%40b&user%5Bpw%5D=p",
                                               "user[email]"),
                        "a@b");
    assert_null(secsession_fields_only(pool, "user[email]=a&user[email]x=b", "user[email]"));
    assert_string_equal(secsession_fields_only(pool, "_task=login&_user=a&_pass=b", "_user"), "a");
    assert_string_equal(secsession_fields_only(pool, "f%3Auser=a&f%3Apw=b&f=f", "f:user"), "a");
}

static void query_may_say_the_same_but_nothing_else(void **state)
{
    assert_false(secsession_fields_contradict(pool, NULL, "user", "alice"));
    assert_false(secsession_fields_contradict(pool, "", "user", "alice"));
    assert_false(secsession_fields_contradict(pool, "return=/a%26b&x", "user", "alice"));
    assert_false(secsession_fields_contradict(pool, "user=alice", "user", "alice"));
    assert_true(secsession_fields_contradict(pool, "user=mallory", "user", "alice"));
    assert_true(secsession_fields_contradict(pool, "x=1;USER=mallory", "user", "alice"));
    assert_true(secsession_fields_contradict(pool, "user", "user", "alice"));
    assert_true(secsession_fields_contradict(pool, "%u0075ser=mallory", "user", "alice"));
}

static void form_is_in_utf_8_or_none(void **state)
{
    static const char *const right[] = {
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-URLEncoded",
        "application/x-www-form-urlencoded;",
        "application/x-www-form-urlencoded ; charset=UTF-8",
        "application/x-www-form-urlencoded;charset=\"utf-8\"",
    };
    static const char *const wrong[] = {
        "",
        "application/x-www-form-urlencode",
        "application/x-www-form-urlencodedx",
        "application/x-www-form-urlencoded, text/plain",
        "application/x-www-form-urlencoded; charset=ibm037",
        "application/x-www-form-urlencoded; charset=utf-8; charset=ibm037",
        "application/x-www-form-urlencoded; charset=utf-8;                                    x",
        "application/x-www-form-urlencoded; boundary=x",
        "multipart/form-data; boundary=x",
    };

    for (size_t i = 0; i < COUNT(right); i++) {
        assert_true(secsession_fields_are_urlencoded(right[i]));
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(secsession_fields_are_urlencoded(wrong[i]));
    }
}

static void field_is_lacking_where_nobody_can_find_it(void **state)
{
    assert_true(secsession_fields_lack(pool, "password=x", "user"));
    assert_true(secsession_fields_lack(pool, "", "user"));
    assert_false(secsession_fields_lack(pool, "x=1&user", "user"));
    assert_false(secsession_fields_lack(pool, "x=1;us%65r=a", "user"));
    assert_false(secsession_fields_lack(pool, "+User[]=a", "user"));
    assert_false(secsession_fields_lack(pool, "{\"user\":\"a\"}", "user"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_is_lacking_where_nobody_can_find_it),
        cmocka_unit_test(field_is_read_as_browsers_write_it),
        cmocka_unit_test(field_that_somebody_may_read_otherwise_is_none),
        cmocka_unit_test(names_are_the_same_where_somebody_makes_them_so),
        cmocka_unit_test(forms_of_frameworks_have_their_fields),
        cmocka_unit_test(query_may_say_the_same_but_nothing_else),
        cmocka_unit_test(form_is_in_utf_8_or_none),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
