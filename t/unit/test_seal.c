/* session/seal.h: what is sealed can be opened only unchanged, with its key and for its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "session/seal.h"
#include "t/unit/keys_of.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define TWO "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define PLACE "www.example.com\n/\nsid"

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

typedef struct {
    const unsigned char *bytes;
    apr_size_t length;
} seal_t;

static seal_t seal_with(const secsession_keys_t *keys, const char *text)
{
    seal_t seal;

    assert_int_equal(secsession_seal(pool, keys, PLACE, text, &seal.bytes, &seal.length),
                     APR_SUCCESS);
    return seal;
}

static const char *open_with(const secsession_keys_t *keys, seal_t seal)
{
    return secsession_unseal(pool, keys, PLACE, seal.bytes, seal.length);
}

static void what_is_sealed_opens_again(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "1 " ONE);
    char *text = apr_palloc(pool, 4097);

    for (apr_size_t length = 0; length <= 4096; length += length < 40 ? 1 : 169) {
        seal_t seal;

        memset(text, 0xC3, length);
        text[length] = '\0';
        seal = seal_with(keys, text);
        assert_int_equal(seal.length, length + SECSESSION_SEAL_OVERHEAD);
        assert_string_equal(open_with(keys, seal), text);
        seal = seal_with(NULL, text);
        assert_int_equal(seal.length, length + 1);
        assert_string_equal(open_with(NULL, seal), text);
    }
}

static void the_same_text_is_never_sealed_alike(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "1 " ONE);
    seal_t one = seal_with(keys, "value"), other = seal_with(keys, "value");

    assert_int_equal(one.length, other.length);
    assert_memory_not_equal(one.bytes + 1, other.bytes + 1, 12);
    assert_memory_not_equal(one.bytes + 13, other.bytes + 13, 5);
    assert_null(memmem(one.bytes, one.length, "value", 5));
}

static void one_changed_bit_or_byte_less_does_not_open(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "1 " ONE "\n3 " TWO);
    seal_t seal = seal_with(keys, "a value");
    unsigned char *copy = apr_pmemdup(pool, seal.bytes, seal.length);

    for (apr_size_t bit = 0; bit < 8 * seal.length; bit++) {
        copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_null(open_with(keys, (seal_t){ copy, seal.length }));
        copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (apr_size_t length = 0; length < seal.length; length++) {
        unsigned char *shorter = apr_pmemdup(pool, seal.bytes, length);

        assert_null(open_with(keys, (seal_t){ shorter, length }));
    }
    copy = apr_pcalloc(pool, seal.length + 1);
    memcpy(copy, seal.bytes, seal.length);
    assert_null(open_with(keys, (seal_t){ copy, seal.length + 1 }));
    assert_non_null(open_with(keys, (seal_t){ copy, seal.length }));
}

static void it_opens_in_its_place_only(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "1 " ONE);
    seal_t seal = seal_with(keys, "value");

    assert_null(secsession_unseal(pool, keys, "www.example.com\n/\nSID", seal.bytes, seal.length));
    assert_null(secsession_unseal(pool, keys, "", seal.bytes, seal.length));
    assert_null(secsession_unseal(pool, keys, PLACE "x", seal.bytes, seal.length));
    assert_string_equal(secsession_unseal(pool, keys, PLACE, seal.bytes, seal.length), "value");
}

static void keys_can_be_changed_one_after_the_other(void **state)
{
    const secsession_keys_t *old = keys_of(pool, "1 " ONE),
                            *both = keys_of(pool, "2 " TWO "\n1 " ONE);
    const secsession_keys_t *new = keys_of(pool, "2 " TWO), *swapped = keys_of(pool, "1 " TWO);
    seal_t by_old = seal_with(old, "value"), by_both = seal_with(both, "value");

    assert_string_equal(open_with(both, by_old), "value");
    assert_int_equal(by_both.bytes[0], 2);
    assert_string_equal(open_with(new, by_both), "value");
    assert_null(open_with(new, by_old));
    assert_null(open_with(old, by_both));
    assert_null(open_with(swapped, by_old)); /* the number is right, but the key is not */
}

static void sealed_and_open_are_not_taken_for_each_other(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "1 " ONE);

    assert_null(open_with(NULL, seal_with(keys, "value")));
    assert_null(open_with(keys, seal_with(NULL, "value")));
    assert_null(
        open_with(keys, seal_with(NULL, "long enough to be a seal, if its number were one")));
    assert_null(open_with(NULL, (seal_t){ (const unsigned char *)"", 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens_again),
        cmocka_unit_test(the_same_text_is_never_sealed_alike),
        cmocka_unit_test(one_changed_bit_or_byte_less_does_not_open),
        cmocka_unit_test(it_opens_in_its_place_only),
        cmocka_unit_test(keys_can_be_changed_one_after_the_other),
        cmocka_unit_test(sealed_and_open_are_not_taken_for_each_other),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
