/* store/message.h: what a notification makes the cache forget; in doubt this is more than it says.
 * links: store/message.c store/cache.c store/use.c store/slot.c store/entry.c store/key.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "store/message.h"

#define NOW apr_time_from_sec(1000)

static const char ALICE[] = "01234567-89ab-4def-8123-456789abcdef";
static const char BOB[] = "fedcba98-7654-4210-8123-456789abcdef";

static const secsession_visit_t EVERYWHERE;
static apr_pool_t *pool;
static secsession_cache_t *cache;

static int set_up(void **state)
{
    apr_pool_create(&pool, NULL);
    if (secsession_cache_create(&cache, pool, 100) != APR_SUCCESS) {
        return -1;
    }
    secsession_cache_extend_lease(cache, NOW + APR_USEC_PER_SEC);
    return 0;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static secsession_hash_t token_of(const char *id)
{
    secsession_hash_t token = { { 0 } };

    memcpy(token.bytes, id, sizeof(token.bytes));
    return token;
}

static void keep(const char *id, const char *user)
{
    secsession_session_t session = {
        .id = id,
        .user = user,
        .method = "form",
        .left_ms = 1000000,
        .limits = { .idle = 100, .absolute = 1000 },
        .cacheable = 1,
    };
    secsession_hash_t token = token_of(id);

    secsession_cache_put(cache, &token, "realm", &session, &EVERYWHERE, NOW,
                         secsession_cache_generation(cache));
}

static int is_believed(const char *id)
{
    secsession_hash_t token = token_of(id);

    return secsession_cache_find(cache, pool, &token, "realm", &EVERYWHERE, NOW, 0) != NULL;
}

/* Whose session is still in the cache after this message: "alice", "bob", both or nobody. */
static const char *left_by(const char *message)
{
    keep(ALICE, "alice");
    keep(BOB, "bob");
    assert_true(is_believed(ALICE) && is_believed(BOB));
    secsession_message_obey(cache, message);
    return apr_pstrcat(pool, is_believed(ALICE) ? "alice" : "", is_believed(BOB) ? "bob" : "",
                       NULL);
}

static void keys_are_of_sessions(void **state)
{
    assert_string_equal(left_by("0123456789ab4def"), "bob");
    assert_string_equal(left_by("fedcba9876544210"), "alice");
    assert_string_equal(left_by("0123456789ab4def fedcba9876544210"), "");
    assert_string_equal(left_by("00000000000000ff fedcba9876544210 00000000000000fe"), "alice");
}

static void keys_are_of_users(void **state)
{
    secsession_key_t key;

    assert_true(secsession_key_of_user("alice", &key));
    assert_string_equal(left_by(apr_psprintf(pool, "%016" APR_UINT64_T_HEX_FMT, key)), "bob");
}

static void of_nobody_it_takes_nobody(void **state)
{
    assert_string_equal(left_by("00000000000000ff"), "alicebob");
}

/* If a message cannot be read, everything is forgotten, so that no revocation is missed. */
static void whatever_else_means_all(void **state)
{
    static const char *const messages[] = {
        "",
        "all",
        " ",
        "0123456789ab4de",                    /* short */
        "0123456789ab4deff",                  /* long */
        "00000000000000ff ",                  /* one is missing */
        "00000000000000ff  00000000000000fe", /* two spaces */
        "00000000000000ff,00000000000000fe",
        "00000000000000ff 00000000000000fg",
        "-0123456789ab4de", /* strtoull() accepts this, but with another value */
        " 123456789ab4def",
        "+123456789ab4def",
        "0x23456789ab4def",
        "0123456789AB4DEF", /* the triggers write lower case */
    };

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        assert_string_equal(left_by(messages[i]), "");
    }
}

static void uses_are_two_arrays(void **state)
{
    secsession_use_t uses[2] = { { .seen = NOW - 5000 }, { .seen = NOW - APR_USEC_PER_SEC } };
    const char *ids, *ages;

    apr_cpystrn(uses[0].id, ALICE, sizeof(uses[0].id));
    apr_cpystrn(uses[1].id, BOB, sizeof(uses[1].id));
    secsession_message_uses(pool, uses, 2, NOW, &ids, &ages);
    assert_string_equal(ids, apr_pstrcat(pool, "{", ALICE, ",", BOB, "}", NULL));
    assert_string_equal(ages, "{5,1000}");
    secsession_message_uses(pool, uses, 0, NOW, &ids, &ages);
    assert_string_equal(ids, "{}");
    assert_string_equal(ages, "{}");
}

/* The longest numbers that can occur; valgrind checks every access. */
static void long_ages_fit(void **state)
{
    secsession_use_t uses[1000];
    const char *ids, *ages;

    for (int i = 0; i < 1000; i++) {
        apr_cpystrn(uses[i].id, ALICE, sizeof(uses[i].id));
        uses[i].seen = APR_INT64_MAX;
    }
    secsession_message_uses(pool, uses, 1000, -1, &ids, &ages);
    assert_int_equal(strlen(ids), 1000 * (sizeof(ALICE) - 1) + 999 + 2);
    assert_int_equal(strlen(ages), 1000 * strlen("-9223372036854775") + 999 + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_of_sessions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_of_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_nobody_it_takes_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_else_means_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(uses_are_two_arrays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_ages_fit, set_up, tear_down),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
