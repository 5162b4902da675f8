/* session/jar.h: which fields are a cookie, and of what name and value. As RFC 6265bis says; the
 * numbers are its sections. */
#include "t/unit/jar.h"

/* 5.6, 1 to 6 */
static void name_and_value_are_what_stands_around_the_first_equals(void **state)
{
    static const struct {
        const char *field, *name, *value;
    } cases[] = {
        { "foo=bar", "foo", "bar" },
        { "foo=bar; ", "foo", "bar" },
        { "foo=bar;", "foo", "bar" },
        { " foo=bar", "foo", "bar" },
        { "\t foo \t=\t bar \t; Secure", "foo", "bar" },
        { "foo=", "foo", "" },
        { "foo= ;Secure", "foo", "" },
        { "foo=bar=baz", "foo", "bar=baz" },
        { "foo==bar", "foo", "=bar" },
        { "foo=\"bar\"", "foo", "\"bar\"" },
        { "foo=\"b;ar\"", "foo", "\"b" },
        { "foo=b a\tr", "foo", "b a\tr" },
        { "foo=bar, baz=qux", "foo", "bar, baz=qux" },
        { "foo,bar=baz", "foo,bar", "baz" },
        { "foo%20=%3B", "foo%20", "%3B" },
        { "f\xFFo=b\x80r", "f\xFFo", "b\x80r" },
        { "foo", "", "foo" },
        { "=foo", "", "foo" },
        { "  =  foo  ", "", "foo" },
        { "==foo", "", "=foo" },
        { "foo;bar=baz", "", "foo" },
        { "$Version=1", "$Version", "1" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        secsession_kept_t cookie = read_cookie(cases[i].field);

        assert_string_equal(cookie.name, cases[i].name);
        assert_string_equal(cookie.value, cases[i].value);
    }
}

static void neither_name_nor_value_is_no_cookie(void **state)
{
    static const char *const fields[] = { "", "=", " = ", ";", "; foo=bar", "=;Path=/", "\t" };

    CHECK_REFUSED(fields);
}

static void control_characters_are_refused_wherever_they_are(void **state)
{
    for (int c = 1; c <= 0x7F; c++) {
        int is_control = (c < 0x20 && c != '\t') || c == 0x7F;
        secsession_kept_t cookie;

        assert_int_equal(!parse(apr_psprintf(pool, "f%co=bar", c), &cookie), is_control);
        assert_int_equal(!parse(apr_psprintf(pool, "foo=b%cr", c), &cookie), is_control);
        assert_int_equal(!parse(apr_psprintf(pool, "foo=bar; x=%cy", c), &cookie), is_control);
    }
}

static void name_and_value_have_4096_bytes_together(void **state)
{
    secsession_kept_t cookie;

    assert_true(
        parse(apr_psprintf(pool, "%s=%s", repeated('n', 96), repeated('v', 4000)), &cookie));
    assert_false(
        parse(apr_psprintf(pool, "%s=%s", repeated('n', 97), repeated('v', 4000)), &cookie));
    assert_true(parse(repeated('v', 4096), &cookie));
    assert_false(parse(repeated('v', 4097), &cookie));
    assert_true(parse(apr_psprintf(pool, "%s=%*s", repeated('n', 4096), 100, ""), &cookie));
}

static void attribute_longer_than_1024_bytes_is_ignored(void **state)
{
    const char *path = apr_psprintf(pool, "/%s", repeated('p', 1023));
    secsession_kept_t cookie;

    cookie = read_cookie(apr_psprintf(pool, "a=b; Path=/x; Path=%s", path));
    assert_string_equal(cookie.path, path);
    cookie = read_cookie(apr_psprintf(pool, "a=b; Path=/x; Path=%sp", path));
    assert_string_equal(cookie.path, "/x");
    cookie = read_cookie(apr_psprintf(pool, "a=b; Path=%sp", path));
    assert_string_equal(cookie.path, "/app");
    cookie = read_cookie(apr_psprintf(pool, "a=b; Domain=.%s", repeated('d', 1024)));
    assert_true(cookie.host_only);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_value_are_what_stands_around_the_first_equals),
        cmocka_unit_test(neither_name_nor_value_is_no_cookie),
        cmocka_unit_test(control_characters_are_refused_wherever_they_are),
        cmocka_unit_test(name_and_value_have_4096_bytes_together),
        cmocka_unit_test(attribute_longer_than_1024_bytes_is_ignored),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
