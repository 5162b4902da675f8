/* session/claim.h: only what was signed is believed, and only by its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_errno.h>
#include <apr_general.h>

#include "session/claim.h"
#include "t/unit/keys_of.h"

#define ONE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define TWO "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static apr_pool_t *pool;

static const secsession_hash_t TOKEN = { "the hash of a token" };
static const secsession_hash_t OTHER_TOKEN = { "the hash of another" };

static const secsession_claim_t CLAIM = {
    .token = &TOKEN,
    .id = "01234567-89ab-4def-8123-456789abcdef",
    .realm = "r",
    .user = "alice",
    .method = "form",
    .authenticated_at = 1000 * APR_USEC_PER_SEC,
};

static int set_up(void **state)
{
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static void every_part_of_a_claim_counts(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE);
    secsession_claim_t others[] = { CLAIM, CLAIM, CLAIM, CLAIM, CLAIM, CLAIM, CLAIM, CLAIM };
    unsigned char mac[SECSESSION_CLAIM_BYTES];

    others[0].token = &OTHER_TOKEN;
    others[1].id = "11234567-89ab-4def-8123-456789abcdef";
    others[2].realm = "s";
    others[3].user = "alicf";
    others[4].method = "forn";
    others[5].authenticated_at = 1001 * APR_USEC_PER_SEC;
    others[6].authenticated_at = 1000 * APR_USEC_PER_SEC + (1LL << 62);
    others[7].user = NULL;
    assert_int_equal(secsession_claim_sign(pool, keys, &CLAIM, mac), APR_SUCCESS);
    assert_int_equal(mac[0], 7);
    assert_int_equal(secsession_claim_check(pool, keys, &CLAIM, mac), APR_SUCCESS);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(secsession_claim_check(pool, keys, &others[i], mac), APR_EMISMATCH);
        assert_int_equal(secsession_claim_sign(pool, keys, &others[i], mac), APR_SUCCESS);
        assert_int_equal(secsession_claim_check(pool, keys, &CLAIM, mac), APR_EMISMATCH);
        assert_int_equal(secsession_claim_sign(pool, keys, &CLAIM, mac), APR_SUCCESS);
    }
}

/* One text that ends where the next begins is not the same as two that end elsewhere. */
static void what_belongs_to_one_text_does_not_go_on_in_the_next(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE);
    secsession_claim_t one = CLAIM, other = CLAIM;
    unsigned char mac[SECSESSION_CLAIM_BYTES];

    one.user = "ab";
    one.method = "c";
    other.user = "a";
    other.method = "bc";
    assert_int_equal(secsession_claim_sign(pool, keys, &one, mac), APR_SUCCESS);
    assert_int_equal(secsession_claim_check(pool, keys, &other, mac), APR_EMISMATCH);
    other = one;
    one.realm = "ra";
    one.user = "b";
    assert_int_equal(secsession_claim_check(pool, keys, &one, mac), APR_EMISMATCH);
    assert_int_equal(secsession_claim_check(pool, keys, &other, mac), APR_SUCCESS);
}

static void one_changed_bit_is_no_mac(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE "\n6 " TWO);
    unsigned char mac[SECSESSION_CLAIM_BYTES];

    assert_int_equal(secsession_claim_sign(pool, keys, &CLAIM, mac), APR_SUCCESS);
    for (int bit = 0; bit < 8 * SECSESSION_CLAIM_BYTES; bit++) {
        mac[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(secsession_claim_check(pool, keys, &CLAIM, mac), APR_EMISMATCH);
        mac[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_int_equal(secsession_claim_check(pool, keys, &CLAIM, NULL), APR_EMISMATCH);
    assert_int_equal(secsession_claim_check(pool, keys, &CLAIM, mac), APR_SUCCESS);
}

static void keys_of_claims_can_be_changed_one_after_the_other(void **state)
{
    const secsession_keys_t *old = keys_of(pool, "1 " ONE),
                            *both = keys_of(pool, "2 " TWO "\n1 " ONE);
    const secsession_keys_t *new = keys_of(pool, "2 " TWO), *swapped = keys_of(pool, "1 " TWO);
    unsigned char mac[SECSESSION_CLAIM_BYTES];

    assert_int_equal(secsession_claim_sign(pool, old, &CLAIM, mac), APR_SUCCESS);
    assert_int_equal(secsession_claim_check(pool, both, &CLAIM, mac), APR_SUCCESS);
    assert_int_equal(secsession_claim_check(pool, new, &CLAIM, mac), APR_EMISMATCH);
    assert_int_equal(secsession_claim_check(pool, swapped, &CLAIM, mac), APR_EMISMATCH);
    assert_int_equal(secsession_claim_sign(pool, both, &CLAIM, mac), APR_SUCCESS);
    assert_int_equal(secsession_claim_check(pool, new, &CLAIM, mac), APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_claim_counts),
        cmocka_unit_test(what_belongs_to_one_text_does_not_go_on_in_the_next),
        cmocka_unit_test(one_changed_bit_is_no_mac),
        cmocka_unit_test(keys_of_claims_can_be_changed_one_after_the_other),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
