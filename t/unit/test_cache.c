/* store/cache.h: what the cache answers, when it does not, and that nobody ever gets the session of
 * another user.
 * links: store/cache.c store/use.c store/slot.c store/entry.c store/key.c session/policy.c
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
#include <openssl/evp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/cache.h"
#include "store/slot.h"

#define SECOND APR_USEC_PER_SEC
#define NOW (1000 * SECOND)
#define ID "01234567-89ab-4def-8123-456789abcdef"

static const secsession_visit_t EVERYWHERE;
static apr_pool_t *pool;
static secsession_cache_t *cache;

static int set_up(void **state)
{
    apr_pool_create(&pool, NULL);
    if (secsession_cache_create(&cache, pool, 1000) != APR_SUCCESS) {
        return -1;
    }
    secsession_cache_invalidate_all(cache);
    secsession_cache_extend_lease(cache, NOW + SECOND);
    return 0;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static secsession_hash_t hash_of(uint32_t number)
{
    secsession_hash_t hash;

    EVP_Digest(&number, sizeof(number), hash.bytes, NULL, EVP_sha256(), NULL);
    return hash;
}

static secsession_session_t session_of(const char *id, const char *user)
{
    secsession_session_t session = {
        .id = id,
        .user = user,
        .method = "form",
        .created_at = 1,
        .authenticated_at = 2,
        .expires_at = 3,
        .left_ms = 1000000,
        .limits = { .idle = 100, .absolute = 1000 },
        .cacheable = 1,
    };

    return session;
}

static int put(uint32_t number, const char *id, const char *user, apr_time_t asked)
{
    secsession_session_t session = session_of(id, user);
    secsession_hash_t hash = hash_of(number);

    return secsession_cache_put(cache, &hash, "realm", &session, &EVERYWHERE, asked,
                                secsession_cache_generation(cache));
}

static const secsession_session_t *find_at(uint32_t number, apr_time_t now)
{
    secsession_hash_t hash = hash_of(number);

    return secsession_cache_find(cache, pool, &hash, "realm", &EVERYWHERE, now, 0);
}

static void session_comes_back_whole(void **state)
{
    const secsession_session_t *session;

    put(1, ID, "alice", NOW - 5 * SECOND);
    session = find_at(1, NOW);
    assert_non_null(session);
    assert_string_equal(session->id, ID);
    assert_string_equal(session->user, "alice");
    assert_string_equal(session->method, "form");
    assert_int_equal(session->created_at, 1);
    assert_int_equal(session->authenticated_at, 2);
    assert_int_equal(session->expires_at, 3);
    assert_int_equal(session->idle_ms, 5000);
    assert_int_equal(session->age_ms, 5000);
    assert_int_equal(session->limits.idle, 100);
    assert_int_equal(session->limits.absolute, 1000);
    assert_null(find_at(2, NOW));
}

static void another_realm_or_one_other_bit_is_no_hit(void **state)
{
    secsession_hash_t hash = hash_of(1);

    put(1, ID, "alice", NOW);
    assert_null(secsession_cache_find(cache, pool, &hash, "Realm", &EVERYWHERE, NOW, 0));
    assert_null(secsession_cache_find(cache, pool, &hash, "", &EVERYWHERE, NOW, 0));
    for (size_t bit = 0; bit < 8 * sizeof(hash.bytes); bit++) {
        hash = hash_of(1);
        hash.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_null(secsession_cache_find(cache, pool, &hash, "realm", &EVERYWHERE, NOW, 0));
    }
}

static void lease_is_over_at_its_moment(void **state)
{
    secsession_hash_t hash = hash_of(1);

    put(1, ID, "alice", NOW);
    assert_non_null(find_at(1, NOW + SECOND - 1));
    assert_null(find_at(1, NOW + SECOND));
    assert_non_null(secsession_cache_find(cache, pool, &hash, "realm", &EVERYWHERE,
                                          NOW + 9 * SECOND, 9 * SECOND));
    assert_null(secsession_cache_find(cache, pool, &hash, "realm", &EVERYWHERE, NOW + 10 * SECOND,
                                      9 * SECOND));
    secsession_cache_extend_lease(cache, NOW); /* an old message does not shorten the lease */
    assert_non_null(find_at(1, NOW + SECOND - 1));
}

static void without_a_lease_nothing_is_stale_but_good(void **state)
{
    secsession_hash_t hash = hash_of(1);
    secsession_session_t session = session_of(ID, "alice");
    secsession_cache_t *fresh;

    assert_int_equal(secsession_cache_create(&fresh, pool, 10), APR_SUCCESS);
    secsession_cache_put(fresh, &hash, "realm", &session, &EVERYWHERE, 1, 0);
    assert_null(secsession_cache_find(fresh, pool, &hash, "realm", &EVERYWHERE, 2, 100 * SECOND));
}

static void limits_are_the_databases_to_refuse(void **state)
{
    const secsession_visit_t shorter = { .limits = { .idle = 3, .absolute = 0 } };
    secsession_session_t session = session_of(ID, "alice");
    secsession_hash_t hash = hash_of(1);

    put(1, ID, "alice", NOW);
    secsession_cache_extend_lease(cache, NOW + 5000 * SECOND);
    assert_null(secsession_cache_find(cache, pool, &hash, "realm", &shorter, NOW + 4 * SECOND, 0));
    assert_null(find_at(1, NOW + 100 * SECOND));
    for (int i = 0; i < 999; i += 99) {
        put(1, ID, "alice", NOW + i * SECOND);
        assert_non_null(find_at(1, NOW + (i + 99) * SECOND));
    }
    session.left_ms = 5000;
    secsession_cache_put(cache, &hash, "realm", &session, &EVERYWHERE, NOW,
                         secsession_cache_generation(cache));
    assert_non_null(find_at(1, NOW + 5 * SECOND - 1));
    assert_null(find_at(1, NOW + 5 * SECOND));
}

static void session_or_user_is_forgotten(void **state)
{
    const char *other = "11111111-1111-4111-8111-111111111111";
    secsession_key_t key;

    put(1, ID, "alice", NOW);
    put(2, other, "bob", NOW);
    secsession_cache_invalidate(cache, secsession_key_of_session(ID));
    assert_null(find_at(1, NOW));
    assert_non_null(find_at(2, NOW));
    put(1, ID, "alice", NOW);
    assert_non_null(find_at(1, NOW));
    assert_true(secsession_key_of_user("alice", &key));
    secsession_cache_invalidate(cache, key);
    assert_null(find_at(1, NOW));
    assert_non_null(find_at(2, NOW));
    secsession_cache_invalidate_all(cache);
    assert_null(find_at(2, NOW));
}

/* Keys as PostgreSQL computes them, of '01234567-89ab-…' and of sha256('alice'). */
static void keys_are_the_databases(void **state)
{
    secsession_key_t key;

    assert_int_equal(secsession_key_of_session(ID), 0x0123456789ab4defu);
    assert_true(secsession_key_of_user("alice", &key));
    assert_int_equal(key, 0x2bd806c97f0e00afu);
}

/* A process that queried the database before a revocation may store the answer after it. */
static void late_writer_brings_nothing_back(void **state)
{
    secsession_session_t session = session_of(ID, "alice");
    secsession_hash_t hash = hash_of(1);
    secsession_generation_t before = secsession_cache_generation(cache);

    secsession_cache_invalidate(cache, secsession_key_of_session(ID));
    secsession_cache_put(cache, &hash, "realm", &session, &EVERYWHERE, NOW, before);
    assert_null(find_at(1, NOW));
    before = secsession_cache_generation(cache);
    secsession_cache_invalidate_all(cache);
    secsession_cache_put(cache, &hash, "realm", &session, &EVERYWHERE, NOW, before);
    assert_null(find_at(1, NOW));
}

static void long_names_are_not_kept(void **state)
{
    const int most = 72 - 4 - 5 - 3; /* the room that "form", "realm" and three NULs leave */
    char name[200];

    for (int length = most - 1; length <= most + 1; length++) {
        memset(name, 'x', sizeof(name));
        name[length] = '\0';
        put((uint32_t)length, ID, name, NOW);
        if (length <= most) {
            assert_non_null(find_at((uint32_t)length, NOW));
            assert_string_equal(find_at((uint32_t)length, NOW)->user, name);
        } else {
            assert_null(find_at((uint32_t)length, NOW));
        }
    }
}

static void as_many_fit_as_were_asked_for(void **state)
{
    int lost = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        put(i, apr_psprintf(pool, "%08x-0000-4000-8000-000000000000", i * 2654435761u), "alice",
            NOW);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        lost += find_at(i, NOW) == NULL;
    }
    assert_in_range(lost, 0, 5);
}

static void least_recently_used_goes_first(void **state)
{
    int displaced = 0;

    secsession_cache_extend_lease(cache, NOW + 100 * SECOND);
    put(0, ID, "alice", NOW);
    for (uint32_t i = 1; i < 20000; i++) {
        displaced += put(i, ID, "bob", NOW + 10 * SECOND);
        if (i % 10 == 0) {
            assert_non_null(find_at(0, NOW + (20 + i % 60) * SECOND));
        }
    }
    assert_true(displaced > 10000);
}

static void uses_are_told_once_and_not_too_often(void **state)
{
    secsession_use_t uses[10];
    apr_time_t at = NOW + 9 * SECOND;
    apr_size_t cursor = 0;

    secsession_cache_extend_lease(cache, NOW + 100 * SECOND);
    put(1, ID, "alice", NOW);
    assert_int_equal(secsession_cache_uses(cache, at, 0.1, uses, 10, &cursor), 0);
    find_at(1, NOW + 9 * SECOND);
    assert_int_equal(secsession_cache_uses(cache, at, 0.1, uses, 10, &cursor), 0);
    assert_int_equal(secsession_cache_uses(cache, at, 0, uses, 10, &cursor), 1);
    at = NOW + 12 * SECOND; /* a tenth after what the database knows, however recent the use is */
    assert_int_equal(secsession_cache_uses(cache, at, 0.1, uses, 10, &cursor), 1);
    assert_string_equal(uses[0].id, ID);
    assert_int_equal(uses[0].seen, NOW + 9 * SECOND);
    assert_int_equal(uses[0].known, NOW);
    secsession_cache_uses_known(cache, uses, 1);
    assert_int_equal(secsession_cache_uses(cache, at, 0, uses, 10, &cursor), 0);
}

/* If the database takes a session for idle, no server may accept it, however much it was used
 * there. */
static void database_that_was_not_told_is_asked(void **state)
{
    secsession_cache_extend_lease(cache, NOW + 1000 * SECOND);
    put(1, ID, "alice", NOW);
    assert_non_null(find_at(1, NOW + 99 * SECOND));
    assert_null(find_at(1, NOW + 100 * SECOND));
}

/* A writer has died in the middle: nothing is ever found in its slot, and other slots are used
 * instead. */
static void dead_writer_is_a_miss(void **state)
{
    secsession_slot_t *slot = apr_pcalloc(pool, sizeof(*slot));
    secsession_copy_t copy = { .seen = 1 };

    assert_true(secsession_slot_write(slot, &copy));
    assert_true(secsession_slot_read(slot, &copy));
    atomic_fetch_add(&slot->sequence, 1);
    assert_false(secsession_slot_read(slot, &copy));
    assert_false(secsession_slot_write(slot, &copy));
}

/* Writes sessions whose fields all contain their number, until the process is killed. */
static void write_for_ever(unsigned int seed)
{
    for (;;) {
        uint32_t number = (uint32_t)(rand_r(&seed) % 40);
        char id[40], user[40];

        apr_snprintf(id, sizeof(id), "%08x-0000-4000-8000-%012x", number, number);
        apr_snprintf(user, sizeof(user), "user%u", number);
        put(number, id, user, NOW);
    }
}

static void nobody_gets_another_session_while_writers_die(void **state)
{
    int hits = 0;

    for (unsigned int round = 0; round < 200; round++) {
        pid_t writer = fork();

        if (writer == 0) {
            write_for_ever(round);
        }
        for (unsigned int i = 0; i < 2000; i++) {
            const secsession_session_t *session = find_at(i % 40, NOW);

            if (session) {
                hits++;
                assert_int_equal(strtoul(session->id, NULL, 16), i % 40);
                assert_int_equal(strtoul(session->id + 24, NULL, 16), i % 40);
                assert_int_equal(strtoul(session->user + 4, NULL, 10), i % 40);
            }
        }
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
    }
    assert_true(hits > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(session_comes_back_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_realm_or_one_other_bit_is_no_hit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lease_is_over_at_its_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_lease_nothing_is_stale_but_good, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(limits_are_the_databases_to_refuse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(session_or_user_is_forgotten, set_up, tear_down),
        cmocka_unit_test(keys_are_the_databases),
        cmocka_unit_test_setup_teardown(late_writer_brings_nothing_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_names_are_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(as_many_fit_as_were_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(least_recently_used_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(uses_are_told_once_and_not_too_often, set_up, tear_down),
        cmocka_unit_test_setup_teardown(database_that_was_not_told_is_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_writer_is_a_miss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_gets_another_session_while_writers_die, set_up,
                                        tear_down),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
