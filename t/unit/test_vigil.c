/* store/vigil.h: until when what is under way may go on, and when PostgreSQL is asked about it.
 * links: store/vigil.c store/cache.c store/use.c store/slot.c store/entry.c
 * links: store/key.c store/answer.c session/policy.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "store/connection.h"
#include "store/vigil.h"

#define SECOND APR_USEC_PER_SEC
#define ID "01234567-89ab-4def-8123-456789abcdef"
#define OTHER "11234567-89ab-4def-8123-456789abcdef"

static apr_time_t now;
static apr_pool_t *pool;
static secsession_vouchers_t cached, alone;
static secsession_outcome_t told;

/* The clock of these tests. */
apr_time_t secsession_monotonic(void)
{
    return now;
}

static int set_up(void **state)
{
    now = 1000 * SECOND;
    told = SECSESSION_DONE;
    apr_pool_create(&pool, NULL);
    cached = (secsession_vouchers_t){ .lease = SECOND };
    alone = cached;
    if (secsession_cache_create(&cached.cache, pool, 1000) != APR_SUCCESS) {
        return -1;
    }
    secsession_cache_extend_lease(cached.cache, now + SECOND);
    return 0;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static void note(void *data, secsession_outcome_t why)
{
    told = why;
}

/* Of a session that was looked up at this moment, and has 100 s left. */
static secsession_vigil_t begin(const secsession_vouchers_t *vouchers, int absolute)
{
    const secsession_session_t session = {
        .id = ID,
        .user = "alice",
        .age_ms = 10000,
        .left_ms = 100000,
        .told = now,
        .generation = vouchers->cache ? secsession_cache_generation(vouchers->cache) : 0,
    };
    secsession_vigil_t vigil = { .tell = note };

    secsession_vigil_begin(&vigil, vouchers, &session, absolute);
    return vigil;
}

static void answer(secsession_vigil_t *vigil, apr_int64_t left_ms, int is_null)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[] = { { .name = (char[]){ "left_ms" } },
                               { .name = (char[]){ "age_ms" } } };
    unsigned char number[8];

    for (int i = 0; i < 8; i++) {
        number[i] = (unsigned char)((uint64_t)left_ms >> (56 - 8 * i));
    }
    assert_true(PQsetResultAttrs(result, 2, columns));
    for (int column = 0; column < 2; column++) {
        assert_true(PQsetvalue(result, 0, column, is_null ? NULL : (char *)number,
                               is_null ? -1 : (int)sizeof(number)));
    }
    vigil->row = 0;
    secsession_vigil_obey(vigil, result, now,
                          vigil->vouchers->cache
                              ? secsession_cache_generation(vigil->vouchers->cache)
                              : 0);
    PQclear(result);
}

static void test_cache_vouches(void **state)
{
    secsession_vigil_t vigil = begin(&cached, 0);

    for (int i = 0; i < 50; i++) {
        now += SECOND;
        secsession_cache_extend_lease(cached.cache, now + SECOND);
        assert_false(secsession_vigil_is_to_be_asked(&vigil, now));
        assert_false(secsession_vigil_is_in_doubt(&vigil));
    }
    assert_int_equal(secsession_vigil_outcome(&vigil), SECSESSION_LIVE);
}

static void test_news_of_the_session(void **state)
{
    secsession_vigil_t vigil = begin(&cached, 0);

    secsession_cache_invalidate(cached.cache, secsession_key_of_session(ID));
    assert_true(secsession_vigil_is_to_be_asked(&vigil, now));
    assert_true(secsession_vigil_is_in_doubt(&vigil));
    answer(&vigil, 100000, 0);
    assert_false(secsession_vigil_is_in_doubt(&vigil));
    assert_false(secsession_vigil_is_to_be_asked(&vigil, now));
    secsession_cache_invalidate(cached.cache, secsession_key_of_session(ID));
    assert_true(secsession_vigil_is_to_be_asked(&vigil, now));
    answer(&vigil, 0, 1);
    assert_int_equal(secsession_vigil_outcome(&vigil), SECSESSION_REVOKED);
    assert_int_equal(told, SECSESSION_REVOKED);
}

static void test_news_of_the_user_and_of_all(void **state)
{
    secsession_vigil_t vigil = begin(&cached, 0);
    secsession_key_t alice;

    assert_true(secsession_key_of_user("alice", &alice));
    secsession_cache_invalidate(cached.cache, alice);
    assert_true(secsession_vigil_is_to_be_asked(&vigil, now));
    answer(&vigil, 100000, 0);
    secsession_cache_invalidate_all(cached.cache);
    assert_true(secsession_vigil_is_to_be_asked(&vigil, now));
}

static void test_news_of_others(void **state)
{
    secsession_vigil_t vigil = begin(&cached, 0);

    secsession_cache_invalidate(cached.cache, secsession_key_of_session(OTHER));
    assert_false(secsession_vigil_is_to_be_asked(&vigil, now));
}

static void test_news_before_it_begins(void **state)
{
    const secsession_session_t session = {
        .id = ID,
        .user = "alice",
        .left_ms = 100000,
        .told = now,
        .generation = secsession_cache_generation(cached.cache),
    };
    secsession_vigil_t vigil = { .tell = NULL };

    secsession_cache_invalidate(cached.cache, secsession_key_of_session(ID));
    secsession_vigil_begin(&vigil, &cached, &session, 0);
    assert_true(secsession_vigil_is_in_doubt(&vigil));
}

static void test_lease_runs_out(void **state)
{
    secsession_vigil_t vigil = begin(&cached, 0);

    now += 2 * SECOND;
    assert_true(secsession_vigil_is_in_doubt(&vigil));
    assert_true(secsession_vigil_is_to_be_asked(&vigil, now));
    vigil.row = 0;
    secsession_vigil_obey(&vigil, NULL, now, 0);
    assert_int_equal(secsession_vigil_outcome(&vigil), SECSESSION_UNAVAILABLE);
    assert_int_equal(told, SECSESSION_UNAVAILABLE);
    answer(&vigil, 100000, 0);
    assert_int_equal(secsession_vigil_outcome(&vigil), SECSESSION_UNAVAILABLE);
}

static void test_stale(void **state)
{
    secsession_vigil_t vigil;

    cached.stale = 10 * SECOND;
    vigil = begin(&cached, 0);
    now += 2 * SECOND;
    vigil.row = 0;
    secsession_vigil_obey(&vigil, NULL, now, 0);
    assert_false(secsession_vigil_is_in_doubt(&vigil));
    now += 10 * SECOND;
    secsession_vigil_obey(&vigil, NULL, now, 0);
    assert_int_equal(secsession_vigil_outcome(&vigil), SECSESSION_UNAVAILABLE);
}

static void test_absolute_end(void **state)
{
    secsession_vigil_t vigil = begin(&cached, 0), shorter = begin(&cached, 60);

    secsession_cache_extend_lease(cached.cache, now + 1000 * SECOND);
    now += 50 * SECOND;
    assert_false(secsession_vigil_is_to_be_asked(&vigil, now));
    assert_true(secsession_vigil_is_to_be_asked(&shorter, now));
    now += 50 * SECOND;
    assert_true(secsession_vigil_is_to_be_asked(&vigil, now));
    assert_true(secsession_vigil_is_in_doubt(&vigil));
    answer(&vigil, 0, 0);
    assert_int_equal(secsession_vigil_outcome(&vigil), SECSESSION_REVOKED);
}

static void test_without_cache(void **state)
{
    secsession_vigil_t vigil = begin(&alone, 0);

    now += SECOND / 2;
    assert_false(secsession_vigil_is_to_be_asked(&vigil, now));
    now += SECOND / 4;
    assert_true(secsession_vigil_is_to_be_asked(&vigil, now));
    assert_false(secsession_vigil_is_in_doubt(&vigil));
    vigil.row = 0;
    secsession_vigil_obey(&vigil, NULL, now, 0);
    assert_int_equal(secsession_vigil_outcome(&vigil), SECSESSION_LIVE);
    answer(&vigil, 100000, 0);
    now += SECOND / 2;
    assert_false(secsession_vigil_is_to_be_asked(&vigil, now));
    now += SECOND;
    assert_true(secsession_vigil_is_in_doubt(&vigil));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cache_vouches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_news_of_the_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_news_of_the_user_and_of_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_news_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_news_before_it_begins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lease_runs_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absolute_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_cache, set_up, tear_down),
    };

    apr_initialize();
    return cmocka_run_group_tests_name("vigil", tests, NULL, NULL);
}
