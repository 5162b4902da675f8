/* session/credential.h: by what a client is found, and by what its credentials are known again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_errno.h>
#include <apr_general.h>

#include "session/credential.h"
#include "t/unit/keys_of.h"

#define ONE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define TWO "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static apr_pool_t *pool;

static const secsession_sender_t SENDER = {
    .realm = "r", .user = "alice", .method = "basic", .network = { { 1 } }, .agent = "dav"
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

static secsession_hash_t client_of(const secsession_keys_t *keys, const secsession_sender_t *sender)
{
    secsession_hash_t client;

    assert_int_equal(secsession_credential_client(pool, keys, sender, &client), APR_SUCCESS);
    return client;
}

static const secsession_hash_t *hash_of(const secsession_keys_t *keys,
                                        const secsession_sender_t *sender, const char *record,
                                        int number, int count)
{
    const apr_array_header_t *hashes = secsession_credential_hashes(pool, keys, sender, record);

    assert_non_null(hashes);
    assert_int_equal(hashes->nelts, count);
    return &APR_ARRAY_IDX(hashes, number, secsession_hash_t);
}

static void every_part_of_a_sender_counts(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE);
    const secsession_hash_t client = client_of(keys, &SENDER);
    secsession_sender_t others[] = { SENDER, SENDER, SENDER, SENDER, SENDER, SENDER, SENDER };

    others[0].realm = "s";
    others[1].user = "alicf";
    others[2].method = "digest";
    others[3].network.bytes[15] = 1;
    others[4].agent = "dax";
    others[5].user = "alic";
    others[5].method = "ebasic";
    others[6].certificate = "a certificate";
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const secsession_hash_t other = client_of(keys, &others[i]);

        assert_memory_not_equal(&client, &other, sizeof(client));
    }
    assert_memory_equal(&client, client_of(keys, &SENDER).bytes, sizeof(client));
}

static void who_says_nothing_is_found(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE);
    secsession_sender_t silent = SENDER;
    const secsession_hash_t client = client_of(keys, &SENDER);
    secsession_hash_t other;

    silent.agent = NULL;
    other = client_of(keys, &silent);
    assert_memory_not_equal(&client, &other, sizeof(client));
    assert_memory_equal(&other, client_of(keys, &silent).bytes, sizeof(other));
}

static void credentials_are_known_from_everywhere(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE);
    secsession_sender_t other = SENDER;

    other.network.bytes[0] = 9;
    other.agent = NULL;
    assert_memory_equal(hash_of(keys, &SENDER, "x", 0, 1), hash_of(keys, &other, "x", 0, 1),
                        SECSESSION_HASH_BYTES);
    other.user = "bob";
    assert_memory_not_equal(hash_of(keys, &SENDER, "x", 0, 1), hash_of(keys, &other, "x", 0, 1),
                            SECSESSION_HASH_BYTES);
}

static void another_record_is_another_credential(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE);
    const char *const records[] = { NULL, "", "x", "y" };

    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(hash_of(keys, &SENDER, records[i], 0, 1),
                                    hash_of(keys, &SENDER, records[j], 0, 1),
                                    SECSESSION_HASH_BYTES);
        }
    }
}

static void a_credential_is_known_by_every_key(void **state)
{
    const secsession_keys_t *before = keys_of(pool, "7 " ONE);
    const secsession_keys_t *after = keys_of(pool, "9 " TWO "\n7 " ONE);

    assert_memory_equal(hash_of(before, &SENDER, "x", 0, 1), hash_of(after, &SENDER, "x", 1, 2),
                        SECSESSION_HASH_BYTES);
    assert_memory_not_equal(hash_of(after, &SENDER, "x", 0, 2), hash_of(after, &SENDER, "x", 1, 2),
                            SECSESSION_HASH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_part_of_a_sender_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_says_nothing_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(credentials_are_known_from_everywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_record_is_another_credential, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_credential_is_known_by_every_key, set_up, tear_down),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
