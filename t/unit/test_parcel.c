/* session/parcel.h: cookies travel with a token, and nobody reads or changes them on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "session/parcel.h"
#include "t/unit/keys_of.h"

#define TOKEN "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"
#define UNTIL 1000

static apr_pool_t *pool;
static const secsession_keys_t *keys, *others;

static secsession_jar_t *some_cookies(const char *value)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    APR_ARRAY_PUSH(jar, secsession_kept_t) =
        (secsession_kept_t){ "sid", value, "example.org", "/", 1, "lax", 0 };
    APR_ARRAY_PUSH(jar, secsession_kept_t) =
        (secsession_kept_t){ "gone", NULL, "example.org", "/", 1, "", 0 };
    APR_ARRAY_PUSH(jar, secsession_kept_t) = (secsession_kept_t){ "", "", "example.org", "/a",
                                                                  0,  "", 123456 };
    return jar;
}

static void what_is_made_opens(void **state)
{
    const char *parcel = secsession_parcel_make(pool, keys, TOKEN, some_cookies("secret"), UNTIL);
    secsession_jar_t *jar = secsession_parcel_open(pool, keys, parcel, UNTIL - 1);
    const secsession_kept_t *cookies;

    assert_int_equal(secsession_parcel_token(parcel), strlen(TOKEN));
    assert_null(strstr(parcel, "secret"));
    assert_int_equal(strcspn(parcel, " \",;\\"), strlen(parcel));
    assert_non_null(jar);
    assert_int_equal(jar->nelts, 2);
    cookies = (const secsession_kept_t *)jar->elts;
    assert_string_equal(cookies[0].name, "sid");
    assert_string_equal(cookies[0].value, "secret");
    assert_string_equal(cookies[0].domain, "example.org");
    assert_string_equal(cookies[0].same_site, "lax");
    assert_int_equal(cookies[0].host_only, 1);
    assert_string_equal(cookies[1].path, "/a");
    assert_int_equal(cookies[1].expires, 123456);
}

static void nothing_else_opens(void **state)
{
    const char *parcel = secsession_parcel_make(pool, keys, TOKEN, some_cookies("secret"), UNTIL);
    static const char *const wrong[] = {
        "",         ".",           "a",           TOKEN,         TOKEN ".",
        TOKEN ".A", TOKEN ".AAAA", TOKEN ".====", TOKEN ".AB==", TOKEN ".@@@@"
    };

    assert_null(secsession_parcel_open(pool, keys, parcel, UNTIL));
    assert_null(secsession_parcel_open(pool, others, parcel, 0));
    /* Not the last characters, which may have bits that stand for nothing. */
    for (size_t i = 0; i < strlen(parcel) - 4; i++) {
        char *changed = apr_pstrdup(pool, parcel);

        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_null(secsession_parcel_open(pool, keys, changed, 0));
        changed[i] = '\0';
        assert_null(secsession_parcel_open(pool, keys, changed, 0));
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_null(secsession_parcel_open(pool, keys, wrong[i], 0));
    }
}

static void what_no_browser_keeps_is_not_made(void **state)
{
    char large[4001];
    int made = 0;

    memset(large, 'x', sizeof(large));
    for (size_t length = 0; length < sizeof(large); length++) {
        const char *parcel;

        large[length] = '\0';
        parcel = secsession_parcel_make(pool, keys, TOKEN, some_cookies(large), UNTIL);
        large[length] = 'x';
        if (parcel) {
            made++;
            assert_int_equal(made, length + 1);
            assert_true(strlen(parcel) <= SECSESSION_PARCEL_CHARS);
            assert_non_null(secsession_parcel_open(pool, keys, parcel, 0));
        }
    }
    assert_in_range(made, 2000, 3000);
}

static int set_up(void **state)
{
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 1;
    }
    keys = secsession_keys_derive(pool,
                                  keys_of(pool, "7 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
                                  "one");
    others =
        secsession_keys_derive(pool,
                               keys_of(pool, "7 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
                               "another");
    return keys == NULL || others == NULL;
}

static int tear_down(void **state)
{
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_opens),
        cmocka_unit_test(nothing_else_opens),
        cmocka_unit_test(what_no_browser_keeps_is_not_made),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
