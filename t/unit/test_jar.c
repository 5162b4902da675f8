/* session/jar.h: a cookie is read, kept and sent as RFC 6265bis says; the numbers are its sections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "session/jar.h"

#define NOW 1700000000
#define DAY (24 * 3600)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static apr_pool_t *pool;

static const secsession_asker_t HERE = { .host = "www.example.com", .path = "/app/page" };

static int set_up(void **state)
{
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

static int parse(const char *field, secsession_kept_t *cookie)
{
    return secsession_jar_parse(pool, field, &HERE, NOW, cookie);
}

static secsession_kept_t read_cookie(const char *field)
{
    secsession_kept_t cookie;

    if (!parse(field, &cookie)) {
        fail_msg("not kept: %s", field);
    }
    return cookie;
}

static void check_refused(const char *const *fields, size_t count)
{
    secsession_kept_t cookie;

    for (size_t i = 0; i < count; i++) {
        if (parse(fields[i], &cookie)) {
            fail_msg("kept: %s", fields[i]);
        }
    }
}

#define CHECK_REFUSED(fields) check_refused(fields, COUNT(fields))

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

static const char *repeated(char c, int count)
{
    char *text = apr_palloc(pool, (apr_size_t)count + 1);

    memset(text, c, (apr_size_t)count);
    text[count] = '\0';
    return text;
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

/* --- attributes (5.6.1 to 5.6.7) ------------------------------------------------------------- */

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

/* --- keeping --------------------------------------------------------------------------------- */

static int set_at(secsession_jar_t *jar, const char *field, apr_int64_t now)
{
    secsession_kept_t cookie;

    assert_true(secsession_jar_parse(pool, field, &HERE, now, &cookie));
    return secsession_jar_set(jar, &cookie, now);
}

static int set(secsession_jar_t *jar, const char *field)
{
    return set_at(jar, field, NOW);
}

static const char *sent_at(const secsession_jar_t *jar, const char *host, const char *path,
                           apr_int64_t now)
{
    const secsession_asker_t asker = { .host = host, .path = path };
    const char *field = secsession_jar_field(pool, jar, &asker, now);

    return field ? field : "";
}

static const char *sent(const secsession_jar_t *jar, const char *path)
{
    return sent_at(jar, "www.example.com", path, NOW);
}

static void same_name_domain_and_path_is_the_same_cookie(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    assert_true(set(jar, "a=1"));
    assert_true(set(jar, "A=2"));
    assert_true(set(jar, "a=3; Path=/app/"));
    assert_true(set(jar, "a=4; Domain=example.com"));
    assert_true(set(jar, "a=5; Domain=www.example.com"));
    assert_int_equal(jar->nelts, 5);
    assert_true(set(jar, "a=6"));
    assert_true(set(jar, "a=7; Domain=www.example.com"));
    assert_int_equal(jar->nelts, 5);
    assert_string_equal(sent(jar, "/app/page"), "a=3; a=6; A=2; a=4; a=7");
    assert_true(set(jar, "a=; Max-Age=0"));
    assert_string_equal(sent(jar, "/app/page"), "a=3; A=2; a=4; a=7");
    assert_false(set(jar, "a=; Max-Age=0"));
    assert_false(set(jar, "b=; Max-Age=0"));
}

static void replaced_cookie_keeps_its_place_and_a_new_one_comes_last(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    set(jar, "a=1");
    set(jar, "b=2; Max-Age=10");
    set(jar, "c=3");
    set(jar, "a=4");
    assert_string_equal(sent(jar, "/app/"), "a=4; b=2; c=3");
    set(jar, "a=; Max-Age=0");
    set(jar, "a=5");
    assert_string_equal(sent(jar, "/app/"), "b=2; c=3; a=5");
    assert_true(set_at(jar, "b=6", NOW + 10));
    assert_string_equal(sent(jar, "/app/"), "c=3; a=5; b=6");
}

static void expired_cookie_is_not_there(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    set(jar, "a=1; Max-Age=10");
    assert_string_equal(sent_at(jar, "www.example.com", "/app/", NOW + 9), "a=1");
    assert_string_equal(sent_at(jar, "www.example.com", "/app/", NOW + 10), "");
    assert_false(set_at(jar, "a=; Max-Age=0", NOW + 10));
    assert_int_equal(jar->nelts, 0);
}

static void only_news_are_news(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    assert_true(set(jar, "s=1"));
    assert_false(set(jar, "s=1"));
    assert_false(set(jar, "s=1; HttpOnly; Secure"));
    assert_true(set(jar, "s=1; SameSite=Lax"));
    assert_true(set(jar, "s=2; SameSite=Lax"));
    assert_true(set(jar, "s=2; SameSite=Lax; Max-Age=1000"));
    assert_false(set_at(jar, "s=2; SameSite=Lax; Max-Age=1000", NOW + 1));
    assert_false(set_at(jar, "s=2; SameSite=Lax; Max-Age=1000", NOW + 90));
    assert_true(set_at(jar, "s=2; SameSite=Lax; Max-Age=1000", NOW + 91));
    assert_true(set_at(jar, "s=2; SameSite=Lax; Max-Age=100", NOW + 91));
    assert_true(set_at(jar, "s=2; SameSite=Lax", NOW + 91));
}

static void changes_are_noted_once_each(void **state)
{
    secsession_jar_t *changes = secsession_jar_make(pool);
    const secsession_kept_t *noted;
    secsession_kept_t cookie;

    for (int i = 0; i < 3; i++) {
        static const char *const fields[] = { "a=1", "b=2", "a=; Max-Age=0" };

        cookie = read_cookie(fields[i]);
        secsession_jar_note(changes, &cookie);
    }
    noted = (const secsession_kept_t *)changes->elts;
    assert_int_equal(changes->nelts, 2);
    assert_string_equal(noted[0].name, "a");
    assert_null(noted[0].value);
    assert_string_equal(noted[1].value, "2");
    cookie = read_cookie("a=3; Domain=www.example.com");
    secsession_jar_note(changes, &cookie);
    assert_int_equal(changes->nelts, 3);
}

static void session_keeps_fifty_cookies_and_sixteen_kib(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    for (int i = 0; i < 50; i++) {
        assert_true(secsession_jar_fits(jar));
        set(jar, apr_psprintf(pool, "cookie%02d=1", i));
    }
    assert_true(secsession_jar_fits(jar));
    set(jar, "one=more; Max-Age=9");
    assert_false(secsession_jar_fits(jar));
    set_at(jar, "cookie00=2", NOW + 9);
    assert_true(secsession_jar_fits(jar)); /* what has expired needs no room */

    jar = secsession_jar_make(pool);
    for (int i = 0; i < 4; i++) {
        set(jar, apr_psprintf(pool, "%d=%s", i, repeated('v', 4095)));
    }
    assert_true(secsession_jar_fits(jar));
    set(jar, "x=");
    assert_false(secsession_jar_fits(jar));
    set(jar, "0=; Max-Age=0");
    assert_true(secsession_jar_fits(jar));
}

/* --- sending (5.8.3) ------------------------------------------------------------------------- */

static void cookie_is_sent_below_its_path(void **state)
{
    static const struct {
        const char *path, *asked;
        int is_sent;
    } cases[] = {
        { "/", "/", 1 },
        { "/", "/anything/at/all", 1 },
        { "/foo", "/foo", 1 },
        { "/foo", "/foo/", 1 },
        { "/foo", "/foo/bar", 1 },
        { "/foo", "/foobar", 0 },
        { "/foo", "/Foo", 0 },
        { "/foo", "/", 0 },
        { "/foo", "/foo%2Fbar", 0 },
        { "/foo/", "/foo", 0 },
        { "/foo/", "/foo/", 1 },
        { "/foo/", "/foo/bar", 1 },
        { "/foo/bar", "/foo", 0 },
        { "/foo%2Fbar", "/foo%2Fbar", 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        secsession_jar_t *jar = secsession_jar_make(pool);

        set(jar, apr_psprintf(pool, "a=b; Path=%s", cases[i].path));
        if ((*sent(jar, cases[i].asked) != '\0') != cases[i].is_sent) {
            fail_msg("%s at %s", cases[i].path, cases[i].asked);
        }
    }
}

static void cookie_is_sent_to_its_domain(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    set(jar, "host=1; Path=/");
    set(jar, "www=2; Path=/; Domain=www.example.com");
    set(jar, "example=3; Path=/; Domain=example.com");
    assert_string_equal(sent(jar, "/"), "host=1; www=2; example=3");
    assert_string_equal(sent_at(jar, "a.www.example.com", "/", NOW), "www=2; example=3");
    assert_string_equal(sent_at(jar, "example.com", "/", NOW), "example=3");
    assert_string_equal(sent_at(jar, "other.example.com", "/", NOW), "example=3");
    assert_string_equal(sent_at(jar, "notexample.com", "/", NOW), "");
    assert_string_equal(sent_at(jar, "example.com.evil.org", "/", NOW), "");
}

static void longer_paths_come_first_then_older_cookies(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    set(jar, "a=1; Path=/");
    set(jar, "b=2; Path=/app");
    set(jar, "c=3; Path=/");
    set(jar, "d=4; Path=/app/page");
    set(jar, "e=5; Path=/app");
    set(jar, "nameless; Path=/");
    set(jar, "f=; Path=/app/page");
    assert_string_equal(sent(jar, "/app/page"), "d=4; f=; b=2; e=5; a=1; c=3; nameless");
    assert_string_equal(sent(jar, "/"), "a=1; c=3; nameless");
    assert_null(secsession_jar_field(pool, secsession_jar_make(pool), &HERE, NOW));
}

static void other_sites_get_what_same_site_lets_them(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool);
    secsession_asker_t other = { .host = HERE.host, .path = HERE.path, .is_cross_site = 1 };

    set(jar, "unsaid=1");
    set(jar, "none=2; SameSite=None");
    set(jar, "lax=3; SameSite=Lax");
    set(jar, "strict=4; SameSite=Strict");
    assert_string_equal(secsession_jar_field(pool, jar, &other, NOW), "none=2");
    other.is_top_level = 1;
    assert_string_equal(secsession_jar_field(pool, jar, &other, NOW), "unsaid=1; none=2; lax=3");
    other.is_cross_site = 0;
    assert_string_equal(secsession_jar_field(pool, jar, &other, NOW),
                        "unsaid=1; none=2; lax=3; strict=4");
}

/* --- as bytes -------------------------------------------------------------------------------- */

static void jar_comes_back_whole(void **state)
{
    secsession_jar_t *jar = secsession_jar_make(pool), *back;
    apr_size_t length;
    const char *bytes;

    bytes = secsession_jar_pack(pool, jar, &length);
    assert_int_equal(length, 0);
    assert_int_equal(secsession_jar_unpack(pool, bytes, length)->nelts, 0);
    set(jar, "a=\xFF\xC3; Domain=example.com; SameSite=Strict; Max-Age=5");
    set(jar, "nameless");
    set(jar, "empty=; SameSite=None; Path=/a b");
    bytes = secsession_jar_pack(pool, jar, &length);
    back = secsession_jar_unpack(pool, bytes, length);
    assert_int_equal(back->nelts, 3);
    for (int i = 0; i < 3; i++) {
        const secsession_kept_t *one = &APR_ARRAY_IDX(jar, i, secsession_kept_t);
        const secsession_kept_t *other = &APR_ARRAY_IDX(back, i, secsession_kept_t);

        assert_string_equal(one->name, other->name);
        assert_string_equal(one->value, other->value);
        assert_string_equal(one->domain, other->domain);
        assert_string_equal(one->path, other->path);
        assert_string_equal(one->same_site, other->same_site);
        assert_int_equal(one->host_only, other->host_only);
        assert_int_equal(one->expires, other->expires);
    }
    for (apr_size_t cut = 0; cut < length; cut++) {
        char *exact = apr_pmemdup(pool, bytes, cut);
        apr_size_t ends = 0;

        for (apr_size_t i = 0; i < cut; i++) {
            ends += exact[i] == '\0';
        }
        assert_int_equal(secsession_jar_unpack(pool, exact, cut) != NULL,
                         cut == 0 || (exact[cut - 1] == '\0' && ends % 7 == 0));
    }
    assert_null(secsession_jar_unpack(pool, "x", 1));
    assert_null(secsession_jar_unpack(pool, "\0\0\0\0\0\0", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_value_are_what_stands_around_the_first_equals),
        cmocka_unit_test(neither_name_nor_value_is_no_cookie),
        cmocka_unit_test(control_characters_are_refused_wherever_they_are),
        cmocka_unit_test(name_and_value_have_4096_bytes_together),
        cmocka_unit_test(attribute_longer_than_1024_bytes_is_ignored),
        cmocka_unit_test(max_age_is_a_number_of_seconds_or_nothing),
        cmocka_unit_test(max_age_wins_over_expires_and_the_last_of_each_over_the_others),
        cmocka_unit_test(domain_is_the_host_or_above_it),
        cmocka_unit_test(no_cookie_is_everybodys),
        cmocka_unit_test(domains_match_at_dots_only),
        cmocka_unit_test(path_is_the_folder_of_the_page_unless_said),
        cmocka_unit_test(same_site_is_one_of_three_words_or_nothing),
        cmocka_unit_test(name_keeps_what_its_prefix_promises),
        cmocka_unit_test(same_name_domain_and_path_is_the_same_cookie),
        cmocka_unit_test(replaced_cookie_keeps_its_place_and_a_new_one_comes_last),
        cmocka_unit_test(expired_cookie_is_not_there),
        cmocka_unit_test(only_news_are_news),
        cmocka_unit_test(changes_are_noted_once_each),
        cmocka_unit_test(session_keeps_fifty_cookies_and_sixteen_kib),
        cmocka_unit_test(cookie_is_sent_below_its_path),
        cmocka_unit_test(cookie_is_sent_to_its_domain),
        cmocka_unit_test(longer_paths_come_first_then_older_cookies),
        cmocka_unit_test(other_sites_get_what_same_site_lets_them),
        cmocka_unit_test(jar_comes_back_whole),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
