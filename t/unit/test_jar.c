/* session/jar.h: cookies are kept, sent as RFC 6265bis says, and come back whole from bytes. */
#include "t/unit/jar.h"

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

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
