/* session/keys.h: what a file with keys may look like; and each purpose has keys of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "session/keys.h"
#include "t/unit/keys_of.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define TWO "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

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

static void keys_stand_on_lines_with_comments(void **state)
{
    static const struct {
        const char *text;
        unsigned char first;
    } cases[] = {
        { "1 " ONE, 1 },
        { "255 " ONE "\n", 255 },
        { "007 " ONE "\n", 7 },
        { "\n\n# all keys\n \t\n 2\t" TWO " # the new one\r\n1 " ONE "\r\n", 2 },
        { "1 " ONE "#" TWO "\n2 " TWO, 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(secsession_keys_first(keys_of(pool, cases[i].text)), cases[i].first);
    }
}

static void wrong_file_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        { "", "has no key" },
        { "# nothing\n\n", "has no key" },
        { "#1 " ONE "\n", "has no key" },
        { ONE "\n", "line 1 " },
        { "1\n", "line 1 " },
        { "1 \n", "line 1 " },
        { "1#" ONE "\n", "line 1 " },
        { "0 " ONE "\n", "line 1 " },
        { "256 " ONE "\n", "line 1 " },
        { "0001 " ONE "\n", "line 1 " },
        { "4294967297 " ONE "\n", "line 1 " },
        { "-1 " ONE "\n", "line 1 " },
        { "x " ONE "\n", "line 1 " },
        { "1 " ONE " more\n", "line 1 " },
        { "1 " ONE "\n\n1 " TWO "\n", "line 3 " },
        { "1 " ONE "\n2 AAAA\n", "line 2 " },
        { "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==\n", "line 1 " }, /* 31 bytes */
        { "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n", "line 1 " }, /* 33 bytes */
        { "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", "line 1 " },
        { "1 AAEC=wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "line 1 " },
        { "1 AAEC-wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "line 1 " },
        { "1 AAEC\xC3wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "line 1 " },
        { "1 " ONE ONE "\n", "line 1 " },
        { "1 \"" ONE "\"\n", "line 1 " },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        secsession_keys_t *keys;
        const char *error = read_keys(pool, cases[i].text, strlen(cases[i].text), &keys);

        assert_non_null(error);
        assert_non_null(strstr(error, cases[i].error));
        assert_null(strstr(error, "AAEC"));
    }
}

static void whatever_is_not_read_of_a_file_is_an_error(void **state)
{
    static const char nul[] = "1 " ONE "\n\0002 " TWO "\n";
    char *long_file = apr_palloc(pool, 65537);
    secsession_keys_t *keys;

    assert_non_null(strstr(read_keys(pool, nul, sizeof(nul) - 1, &keys), "is no text"));
    memset(long_file, '\n', 65537);
    memcpy(long_file, "1 " ONE, 46);
    assert_null(read_keys(pool, long_file, 65536, &keys));
    assert_non_null(strstr(read_keys(pool, long_file, 65537, &keys), "at most 65536 bytes"));
}

static void unreadable_file_is_named_with_the_reason(void **state)
{
    secsession_keys_t *keys;
    const char *error = secsession_keys_read(pool, "/nonexistent/keys", &keys);

    assert_non_null(strstr(error, "/nonexistent/keys cannot be read: No such file"));
    assert_non_null(strstr(secsession_keys_read(pool, "/", &keys), "/ cannot be read: "));
}

/* `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:000102...1f -kdfopt info:vault HKDF`
 */
static void each_purpose_has_keys_of_its_own(void **state)
{
    static const unsigned char vault[SECSESSION_KEY_BYTES] = {
        0x81, 0x34, 0x04, 0xb9, 0x46, 0x5c, 0x9f, 0x33, 0xc8, 0x71, 0x27,
        0x48, 0x7f, 0x11, 0x6f, 0xae, 0x3a, 0x94, 0x65, 0xf6, 0x46, 0x87,
        0x39, 0xf9, 0x15, 0x71, 0x85, 0x7e, 0x1e, 0xee, 0xcc, 0xc3
    };
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE "\n3 " TWO);
    const secsession_keys_t *derived = secsession_keys_derive(pool, keys, "vault");
    const secsession_keys_t *other = secsession_keys_derive(pool, keys, "token");

    assert_int_equal(secsession_keys_first(derived), 7);
    assert_memory_equal(secsession_keys_find(derived, 7), vault, sizeof(vault));
    for (int n = 0; n < 256; n++) {
        const unsigned char *key = secsession_keys_find(derived, (unsigned char)n);

        assert_int_equal(key != NULL, n == 3 || n == 7);
        if (key) {
            assert_memory_not_equal(key, secsession_keys_find(other, (unsigned char)n),
                                    SECSESSION_KEY_BYTES);
            assert_memory_not_equal(key, secsession_keys_find(keys, (unsigned char)n),
                                    SECSESSION_KEY_BYTES);
        }
    }
    assert_memory_not_equal(secsession_keys_find(derived, 3), vault, sizeof(vault));
}

/* A purpose that was cut off would be that of somebody else. */
static void purpose_that_is_too_long_has_no_keys(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "1 " ONE);
    char purpose[SECSESSION_PURPOSE_BYTES + 2];

    memset(purpose, 'x', sizeof(purpose));
    purpose[SECSESSION_PURPOSE_BYTES] = '\0';
    assert_non_null(secsession_keys_derive(pool, keys, purpose));
    purpose[SECSESSION_PURPOSE_BYTES] = 'x';
    purpose[SECSESSION_PURPOSE_BYTES + 1] = '\0';
    assert_null(secsession_keys_derive(pool, keys, purpose));
}

static void one_key_is_the_first_and_only_one(void **state)
{
    unsigned char key[SECSESSION_KEY_BYTES];
    const secsession_keys_t *keys;

    memset(key, 'k', sizeof(key));
    keys = secsession_keys_of(pool, key);
    assert_int_equal(secsession_keys_first(keys), 1);
    assert_memory_equal(secsession_keys_find(keys, 1), key, sizeof(key));
    assert_null(secsession_keys_find(keys, 2));
    assert_non_null(secsession_keys_derive(pool, keys, "parcel"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_stand_on_lines_with_comments),
        cmocka_unit_test(wrong_file_is_refused_with_its_line),
        cmocka_unit_test(whatever_is_not_read_of_a_file_is_an_error),
        cmocka_unit_test(unreadable_file_is_named_with_the_reason),
        cmocka_unit_test(each_purpose_has_keys_of_its_own),
        cmocka_unit_test(purpose_that_is_too_long_has_no_keys),
        cmocka_unit_test(one_key_is_the_first_and_only_one),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
