/* session/jar.h: how long a cookie lasts and who gets it, by its attributes. As RFC 6265bis says;
 * the numbers are its sections. */
#include "t/unit/jar.h"

static void max_age_is_a_number_of_seconds_or_nothing(void **state)
{
    static const struct {
        const char *value;
        apr_int64_t expires; /* 0: not said; -1: removed */
    } cases[] = {
        { "1", NOW + 1 },
        { "3600", NOW + 3600 },
        { "0000000060", NOW + 60 },
        { "34560000", NOW + 400 * DAY },
        { "34560001", NOW + 400 * DAY },
        { "999999999", NOW + 400 * DAY },
        { "1000000000", NOW + 400 * DAY },
        { "99999999999999999999999", NOW + 400 * DAY },
        { "0", -1 },
        { "000000000000", -1 },
        { "-1", -1 },
        { "-0", -1 },
        { "-99999999999999999999999", -1 },
        { "", 0 },
        { "-", 0 },
        { "+1", 0 },
        { "--1", 0 },
        { "1.5", 0 },
        { "1 0", 0 },
        { "10x", 0 },
        { "x10", 0 },
        { "0x10", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        secsession_kept_t cookie =
            read_cookie(apr_psprintf(pool, "a=b; max-AGE = %s ;", cases[i].value));

        assert_int_equal(cookie.value == NULL, cases[i].expires == -1);
        if (cookie.value) {
            assert_int_equal(cookie.expires, cases[i].expires);
        }
    }
    assert_int_equal(read_cookie("a=b; Max-Age").expires, 0);
}

static void max_age_wins_over_expires_and_the_last_of_each_over_the_others(void **state)
{
    static const char past[] = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    static const char future[] = "Expires=Wed, 15 Nov 2023 22:13:20 GMT"; /* NOW and a day */

    assert_int_equal(read_cookie(apr_psprintf(pool, "a=b; %s", future)).expires, NOW + DAY);
    assert_null(read_cookie(apr_psprintf(pool, "a=b; %s", past)).value);
    assert_int_equal(read_cookie(apr_psprintf(pool, "a=b; Max-Age=5; %s", past)).expires, NOW + 5);
    assert_int_equal(read_cookie(apr_psprintf(pool, "a=b; %s; Max-Age=5", past)).expires, NOW + 5);
    assert_null(read_cookie(apr_psprintf(pool, "a=b; %s; Max-Age=0", future)).value);
    assert_int_equal(read_cookie(apr_psprintf(pool, "a=b; %s; Max-Age=x", future)).expires,
                     NOW + DAY);
    assert_int_equal(read_cookie(apr_psprintf(pool, "a=b; %s; %s", past, future)).expires,
                     NOW + DAY);
    assert_int_equal(read_cookie("a=b; Max-Age=5; Max-Age=9; Max-Age=x").expires, NOW + 9);
    assert_int_equal(read_cookie(apr_psprintf(pool, "a=b; %s; Expires=never", future)).expires,
                     NOW + DAY);
    assert_int_equal(read_cookie("a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT").expires,
                     NOW + 400 * DAY);
    assert_null(read_cookie("a=b; Expires=Mon, 01 Jan 1601 00:00:00 GMT").value);
    assert_null(read_cookie("a=b; Expires=Tue, 14 Nov 2023 22:13:20 GMT").value);
    assert_int_equal(read_cookie("a=b; Expires=Tue, 14 Nov 2023 22:13:21 GMT").expires, NOW + 1);
}

/* 5.7, 7 to 11; 5.1.3 */
static void domain_is_the_host_or_above_it(void **state)
{
    static const struct {
        const char *attribute, *domain;
        int host_only;
    } kept[] = {
        { "", "www.example.com", 1 },
        { "; Domain", "www.example.com", 1 },
        { "; Domain=", "www.example.com", 1 },
        { "; Domain=.", "www.example.com", 1 },
        { "; Domain=example.com; Domain=", "www.example.com", 1 },
        { "; Domain=www.example.com", "www.example.com", 0 },
        { "; Domain=.www.example.com", "www.example.com", 0 },
        { "; domain = EXAMPLE.com ", "example.com", 0 },
        { "; Domain=.example.com", "example.com", 0 },
        { "; Domain=elsewhere.org; Domain=example.com", "example.com", 0 },
    };
    static const char *const refused[] = {
        "a=b; Domain=elsewhere.org",
        "a=b; Domain=a.www.example.com",
        "a=b; Domain=ample.com",
        "a=b; Domain=ww.example.com",
        "a=b; Domain=..example.com",
        "a=b; Domain=example.com.",
        "a=b; Domain=example.com:443",
        "a=b; Domain=com",
        "a=b; Domain=.com",
        "a=b; Domain=example.com; Domain=elsewhere.org",
        "a=b; Domain=\xE4xample.com",
        "a=b; Domain=\"example.com\"",
    };

    for (size_t i = 0; i < COUNT(kept); i++) {
        secsession_kept_t cookie = read_cookie(apr_psprintf(pool, "a=b%s", kept[i].attribute));

        assert_string_equal(cookie.domain, kept[i].domain);
        assert_int_equal(cookie.host_only, kept[i].host_only);
    }
    CHECK_REFUSED(refused);
}

static void no_cookie_is_everybodys(void **state)
{
    const secsession_asker_t local = { .host = "localhost", .path = "/" };
    const secsession_asker_t address = { .host = "127.0.0.1", .path = "/" };
    secsession_kept_t cookie;

    assert_true(secsession_jar_parse(pool, "a=b; Domain=LOCALHOST", &local, NOW, &cookie));
    assert_true(cookie.host_only);
    assert_true(secsession_jar_parse(pool, "a=b; Domain=127.0.0.1", &address, NOW, &cookie));
    assert_false(secsession_jar_parse(pool, "a=b; Domain=0.0.1", &address, NOW, &cookie));
    assert_false(secsession_jar_parse(pool, "a=b; Domain=.0.1", &address, NOW, &cookie));
    assert_false(secsession_jar_parse(pool, "a=b; Domain=1", &address, NOW, &cookie));
}

static void domains_match_at_dots_only(void **state)
{
    assert_true(secsession_jar_domain_matches("example.com", "example.com"));
    assert_true(secsession_jar_domain_matches("a.example.com", "example.com"));
    assert_true(secsession_jar_domain_matches("a.b.example.com", "example.com"));
    assert_false(secsession_jar_domain_matches("example.com", "a.example.com"));
    assert_false(secsession_jar_domain_matches("notexample.com", "example.com"));
    assert_false(secsession_jar_domain_matches("example.com", "Example.com"));
    assert_false(secsession_jar_domain_matches("1.2.3.4", "3.4"));
    assert_true(secsession_jar_domain_matches("1.2.3.4", "1.2.3.4"));
    assert_false(secsession_jar_domain_matches("[fe80::1.example.com", "example.com"));
    assert_false(secsession_jar_domain_matches("example.com", ""));
    assert_false(secsession_jar_domain_matches("", "example.com"));
}

/* 5.1.4 */
static void path_is_the_folder_of_the_page_unless_said(void **state)
{
    static const struct {
        const char *page, *attribute, *path;
    } cases[] = {
        { "/", "", "/" },
        { "", "", "/" },
        { "*", "", "/" },
        { "page", "", "/" },
        { "/page", "", "/" },
        { "/app/", "", "/app" },
        { "/app/page", "", "/app" },
        { "/app//", "", "/app/" },
        { "//", "", "/" },
        { "/app/a;b/page", "", "/app/a;b" },
        { "/app/page", "; Path=/", "/" },
        { "/app/page", "; path = /elsewhere ", "/elsewhere" },
        { "/app/page", "; Path=/a/", "/a/" },
        { "/app/page", "; Path=/A b", "/A b" },
        { "/app/page", "; Path=", "/app" },
        { "/app/page", "; Path", "/app" },
        { "/app/page", "; Path=a", "/app" },
        { "/app/page", "; Path=\"/a\"", "/app" },
        { "/app/page", "; Path=/a; Path=/b", "/b" },
        { "/app/page", "; Path=/a; Path=b", "/app" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const secsession_asker_t asker = { .host = "h", .path = cases[i].page };
        const char *field = apr_psprintf(pool, "a=b%s", cases[i].attribute);
        secsession_kept_t cookie;

        assert_true(secsession_jar_parse(pool, field, &asker, NOW, &cookie));
        assert_string_equal(cookie.path, cases[i].path);
    }
}

static void same_site_is_one_of_three_words_or_nothing(void **state)
{
    assert_string_equal(read_cookie("a=b").same_site, "");
    assert_string_equal(read_cookie("a=b; SameSite=Strict").same_site, "strict");
    assert_string_equal(read_cookie("a=b; samesite=LAX").same_site, "lax");
    assert_string_equal(read_cookie("a=b; SameSite= None ").same_site, "none");
    assert_string_equal(read_cookie("a=b; SameSite").same_site, "");
    assert_string_equal(read_cookie("a=b; SameSite=Stricter").same_site, "");
    assert_string_equal(read_cookie("a=b; SameSite=Strict; SameSite=Lax").same_site, "lax");
    assert_string_equal(read_cookie("a=b; SameSite=None; SameSite=x").same_site, "");
}

/* 5.7, 20 to 22 */
static void name_keeps_what_its_prefix_promises(void **state)
{
    static const char *const kept[] = {
        "__Secure-a=b; Secure",
        "__SeCuRe-a=b; secure=no",
        "__Secure-a=b; Secure; Domain=example.com",
        "__Host-a=b; Secure; Path=/",
        "__hOST-a=b; Path=/x; Path=/; Secure",
        "__Host=b",
        "__Secure=b",
        "__Hosta=b",
        "a=__Host-b",
    };
    static const char *const refused[] = {
        "__Secure-a=b",
        "__secure-a=b; HttpOnly",
        "__Secure-=b",
        "__Secure-a=; Max-Age=0",
        "__Host-a=b",
        "__Host-a=b; Secure",
        "__Host-a=b; Path=/",
        "__Host-a=b; Secure; Path=/app",
        "__Host-a=b; Secure; Path=/; Path=x",
        "__Host-a=b; Secure; Path=/; Domain=www.example.com",
        "__HOST-a=b; Path=/",
        "__Host-a",
        "=__Host-a=b; Secure; Path=/",
        "=__host-a",
        "__Secure-a",
        " = __SECURE-a=b; Secure",
    };
    secsession_kept_t cookie;

    for (size_t i = 0; i < COUNT(kept); i++) {
        if (!parse(kept[i], &cookie)) {
            fail_msg("not kept: %s", kept[i]);
        }
    }
    CHECK_REFUSED(refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_age_is_a_number_of_seconds_or_nothing),
        cmocka_unit_test(max_age_wins_over_expires_and_the_last_of_each_over_the_others),
        cmocka_unit_test(domain_is_the_host_or_above_it),
        cmocka_unit_test(no_cookie_is_everybodys),
        cmocka_unit_test(domains_match_at_dots_only),
        cmocka_unit_test(path_is_the_folder_of_the_page_unless_said),
        cmocka_unit_test(same_site_is_one_of_three_words_or_nothing),
        cmocka_unit_test(name_keeps_what_its_prefix_promises),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
