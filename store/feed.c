/* The thread of a child that waits for its turn to listen, and listens. */
#include "store/feed.h"

#include <apr_strings.h>

#include "store/threads.h"
#include "store/turn.h"
#include "store/urgent.h"

#define CONNECT_AGAIN apr_time_from_msec(200)
#define LOOK_FOR_TURN apr_time_from_msec(500)

struct secsession_feed_t {
    secsession_listener_config_t config;
    apr_proc_mutex_t *turn; /* whose turn it is to listen */
};

/* What the thread of this child uses: it lives as long as the process. */
typedef struct {
    const secsession_feed_t *feed;
    secsession_threads_t *threads;
    secsession_listener_t *listener;
} watch_t;

apr_status_t secsession_feed_create(secsession_feed_t **result, apr_pool_t *pool,
                                    const secsession_listener_config_t *config, int number)
{
    secsession_feed_t *feed = apr_pcalloc(pool, sizeof(*feed));

    feed->config = *config;
    *result = feed;
    return secsession_turn_create(&feed->turn, config->server,
                                  apr_psprintf(config->server->process->pool, "secsession-feed-%d",
                                               number));
}

static void run(void *data)
{
    const watch_t *watch = data;
    int is_our_turn = 0;

    secsession_urgent_begin(); /* a revocation is to be heard where all processors are busy, too */
    while (!secsession_listening_is_stopping(watch->listener)) {
        apr_interval_time_t rest = LOOK_FOR_TURN;

        is_our_turn = is_our_turn || apr_proc_mutex_trylock(watch->feed->turn) == APR_SUCCESS;
        if (is_our_turn) {
            rest = secsession_listener_serve(watch->listener) ? 0 : CONNECT_AGAIN;
        }
        secsession_threads_rest(watch->threads, rest);
    }
    if (is_our_turn) {
        apr_proc_mutex_unlock(watch->feed->turn);
    }
}

apr_status_t secsession_feed_child_init(const secsession_feed_t *feed, apr_pool_t *child)
{
    apr_pool_t *pool;
    watch_t *watch;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    watch = apr_pcalloc(pool, sizeof(*watch));
    watch->feed = feed;
    status = secsession_threads_create(&watch->threads, child);
    if (status == APR_SUCCESS) {
        status = secsession_listener_create(&watch->listener, pool, &feed->config,
                                            secsession_threads_stop(watch->threads));
    }
    return status == APR_SUCCESS ? secsession_threads_start(watch->threads, run, watch) : status;
}
