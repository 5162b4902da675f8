/* store/cache.h: uses that are to be written early, and how full a cache is that nothing has been
 * taken out of yet.
 * links: store/cache.c store/use.c store/slot.c store/entry.c store/key.c session/policy.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>

#include "store/cache.h"

#define SECOND APR_USEC_PER_SEC
#define NOW (1000 * SECOND)

static apr_pool_t *pool;
static secsession_cache_t *cache;

static int set_up(void **state)
{
    apr_pool_create(&pool, NULL);
    return secsession_cache_create(&cache, pool, 1000) == APR_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static const secsession_hash_t TOKEN = { "a token" };

static int put(const secsession_hash_t *token, const secsession_visit_t *visit)
{
    const secsession_session_t session = {
        .id = "01234567-89ab-4def-8123-456789abcdef",
        .user = "alice",
        .method = "form",
        .left_ms = 10000000,
        .limits = { .idle = 1000, .absolute = 10000 },
        .cacheable = 1,
    };

    return secsession_cache_put(cache, token, "realm", &session, visit, NOW,
                                secsession_cache_generation(cache));
}

static void no_cache_is_full_before_the_feed_has_connected(void **state)
{
    static const secsession_visit_t anywhere;
    secsession_hash_t other = TOKEN;

    assert_false(put(&TOKEN, &anywhere));
    other.bytes[0]++;
    assert_false(put(&other, &anywhere));
}

/* A location's idle timeout may be shorter than a tenth of the session's. */
static void use_is_told_in_time_for_the_shortest_idle_timeout(void **state)
{
    static const secsession_visit_t anywhere;
    static const secsession_visit_t strict = { .limits = { .idle = 30, .absolute = 0 } };
    secsession_use_t uses[1];
    apr_size_t cursor = 0;

    secsession_cache_extend_lease(cache, NOW + 100 * SECOND);
    put(&TOKEN, &anywhere);
    assert_non_null(
        secsession_cache_find(cache, pool, &TOKEN, "realm", &anywhere, NOW + 2 * SECOND, 0));
    assert_int_equal(secsession_cache_uses(cache, NOW + 4 * SECOND, 0.1, uses, 1, &cursor), 0);
    assert_non_null(
        secsession_cache_find(cache, pool, &TOKEN, "realm", &strict, NOW + 4 * SECOND, 0));
    assert_int_equal(secsession_cache_uses(cache, NOW + 4 * SECOND, 0.1, uses, 1, &cursor), 1);
    assert_true(uses[0].is_early);
    secsession_cache_uses_known(cache, uses, 1);
    put(&TOKEN, &strict); /* read anew, as after a change */
    assert_non_null(
        secsession_cache_find(cache, pool, &TOKEN, "realm", &anywhere, NOW + 6 * SECOND, 0));
    assert_int_equal(secsession_cache_uses(cache, NOW + 6 * SECOND, 0.1, uses, 1, &cursor), 1);
}

static void use_is_told_early_only_where_it_must_be(void **state)
{
    static const secsession_visit_t anywhere;
    secsession_use_t uses[1];
    apr_size_t cursor = 0;

    secsession_cache_extend_lease(cache, NOW + 1000 * SECOND);
    put(&TOKEN, &anywhere);
    assert_non_null(
        secsession_cache_find(cache, pool, &TOKEN, "realm", &anywhere, NOW + 101 * SECOND, 0));
    assert_int_equal(secsession_cache_uses(cache, NOW + 101 * SECOND, 0.1, uses, 1, &cursor), 1);
    assert_false(uses[0].is_early);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_cache_is_full_before_the_feed_has_connected, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(use_is_told_in_time_for_the_shortest_idle_timeout, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(use_is_told_early_only_where_it_must_be, set_up, tear_down),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
