/* The thread of a child that waits for its turn to listen, and listens. */
#include "store/feed.h"

#include <apr_proc_mutex.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <errno.h>
#include <fcntl.h>
#include <http_config.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "store/urgent.h"

#define CONNECT_AGAIN apr_time_from_msec(200)
#define LOOK_FOR_TURN apr_time_from_msec(500)
#define STOP_WITHIN apr_time_from_msec(150)

struct secsession_feed_t {
    secsession_listener_config_t config;
    apr_proc_mutex_t *turn; /* whose turn it is to listen */
};

/* The thread of this child. Its memory lives as long as the process: when the child ends, the
 * thread may be opening a connection, which cannot be interrupted, and would then use memory that
 * was freed. */
typedef struct {
    const secsession_feed_t *feed;
    secsession_listener_t *listener;
    apr_thread_t *itself;
    int stop[2]; /* pipes: what can be read says that the thread shall end, or has ended */
    int done[2];
} thread_t;

/* The lock outlives a restart, so that a child from before it and one from after it never both
 * listen. */
static apr_status_t make_turn(apr_proc_mutex_t **turn, server_rec *server, int number)
{
    char *name = apr_psprintf(server->process->pool, "secsession-feed-%d", number);
    apr_proc_mutex_t **retained = ap_retained_data_get(name);
    apr_status_t status = APR_SUCCESS;

    if (retained == NULL) {
        retained = ap_retained_data_create(name, sizeof(apr_proc_mutex_t *));
        status = apr_proc_mutex_create(retained, NULL, APR_LOCK_FCNTL, server->process->pool);
    }
    *turn = *retained;
    return status;
}

apr_status_t secsession_feed_create(secsession_feed_t **result, apr_pool_t *pool,
                                    const secsession_listener_config_t *config, int number)
{
    secsession_feed_t *feed = apr_pcalloc(pool, sizeof(*feed));

    feed->config = *config;
    *result = feed;
    return make_turn(&feed->turn, config->server, number);
}

/* Whether something can be read, now or within that time. */
static int wait_for(int descriptor, apr_interval_time_t within)
{
    struct pollfd poller = { .fd = descriptor, .events = POLLIN };

    return poll(&poller, 1, (int)(within / 1000)) > 0;
}

/* Closing the pipe would not do: another process that was forked without exec may hold it open,
 * too. */
static void say(int descriptor)
{
    while (write(descriptor, "", 1) < 0 && errno == EINTR) {
    }
}

static void *APR_THREAD_FUNC run(apr_thread_t *self, void *data)
{
    thread_t *thread = data;
    int is_our_turn = 0;

    secsession_urgent_begin(); /* a revocation is to be heard where all processors are busy, too */
    while (!secsession_listener_is_stopping(thread->listener)) {
        apr_interval_time_t rest = LOOK_FOR_TURN;

        is_our_turn = is_our_turn || apr_proc_mutex_trylock(thread->feed->turn) == APR_SUCCESS;
        if (is_our_turn) {
            rest = secsession_listener_serve(thread->listener) ? 0 : CONNECT_AGAIN;
        }
        wait_for(thread->stop[0], rest);
    }
    if (is_our_turn) {
        apr_proc_mutex_unlock(thread->feed->turn);
    }
    say(thread->done[1]);
    return NULL;
}

/* Waits without a lock, since the children of prefork end in a signal handler; and until the thread
 * has run its last instruction, since the module may be unloaded next. */
static apr_status_t stop(void *data)
{
    thread_t *thread = data;
    apr_status_t ended;

    say(thread->stop[1]);
    if (wait_for(thread->done[0], STOP_WITHIN)) {
        apr_thread_join(&ended, thread->itself);
    }
    return APR_SUCCESS;
}

/* The thread takes none of the signals that are meant for httpd. */
static apr_status_t start(thread_t *thread, apr_pool_t *pool)
{
    sigset_t all, before;
    apr_status_t status;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    status = apr_thread_create(&thread->itself, NULL, run, thread, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

apr_status_t secsession_feed_child_init(const secsession_feed_t *feed, apr_pool_t *child)
{
    apr_pool_t *pool;
    thread_t *thread;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    thread = apr_pcalloc(pool, sizeof(*thread));
    thread->feed = feed;
    if (pipe2(thread->stop, O_CLOEXEC) != 0 || pipe2(thread->done, O_CLOEXEC) != 0) {
        return apr_get_os_error();
    }
    status = secsession_listener_create(&thread->listener, pool, &feed->config, thread->stop[0]);
    if (status == APR_SUCCESS) {
        status = start(thread, pool);
    }
    if (status == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(child, thread, stop);
    }
    return status;
}
