/* The connections of one child. `idle` is a stack: the connection that is used least sinks to its
 * bottom, and is closed there. */
#include "store/pool.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <string.h>
#include <unistd.h>

#define IDLE_FOR apr_time_from_sec(60)
/* A connection that was used less than so long ago is taken to be alive. */
#define TRUSTED_FOR apr_time_from_sec(1)
/* How long a thread waits for one of the first `few` connections before it takes another. More
 * connections than processors only make PostgreSQL's processes take turns; but those few may all be
 * waiting for a lock. */
#define PATIENCE apr_time_from_msec(10)
#define HANGING_AFTER apr_time_from_msec(1500) /* a refused connection fails sooner than this */
/* While one thread finds out whether a database still hangs, the others wait for it so long. */
#define PROBE apr_time_from_msec(100)

struct secsession_pool_t {
    const apr_dbd_driver_t *driver;
    const char *params;
    const secsession_sink_t *sink;
    int max;
    int few;
    apr_thread_mutex_t *mutex; /* guards all below */
    apr_thread_cond_t *returned;
    secsession_connection_t **idle;
    int idle_count;
    int open_count;          /* idle, in use, or being opened */
    int waiting;             /* threads that wait for a connection to come back */
    int is_hanging;          /* a statement or connection found no answer */
    apr_time_t probed_since; /* one thread is finding out whether it still does not; 0: none is */
    apr_time_t last_answer;
};

static apr_status_t close_idle(void *data)
{
    secsession_pool_t *connections = data;

    while (connections->idle_count > 0) {
        secsession_connection_close(connections->idle[--connections->idle_count]);
    }
    return APR_SUCCESS;
}

apr_status_t secsession_pool_create(secsession_pool_t **result, apr_pool_t *pool,
                                    const apr_dbd_driver_t *driver, const char *params, int max,
                                    const secsession_sink_t *sink)
{
    secsession_pool_t *connections = apr_pcalloc(pool, sizeof(*connections));
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    apr_status_t status;

    connections->driver = driver;
    connections->params = params;
    connections->max = max;
    connections->sink = sink;
    connections->few = processors > 2 ? (int)processors : 2;
    connections->idle = apr_pcalloc(pool, (apr_size_t)max * sizeof(*connections->idle));
    status = apr_thread_mutex_create(&connections->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&connections->returned, pool);
    }
    if (status == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, connections, close_idle, apr_pool_cleanup_null);
        *result = connections;
    }
    return status;
}

/* Under the mutex: whether a place can be had now. */
static int find_place(secsession_pool_t *connections, apr_time_t patient_for,
                      secsession_connection_t **idle)
{
    int in_use = connections->open_count - connections->idle_count;

    if (in_use >= connections->few && patient_for > 0) {
        return 0;
    }
    if (connections->idle_count > 0) {
        *idle = connections->idle[--connections->idle_count];
        return 1;
    }
    if (connections->open_count < connections->max) {
        connections->open_count++;
        return 1;
    }
    return 0;
}

/* Under the mutex: waits until `then`, or until a connection has come back. Returns what time it
 * is. */
static apr_time_t wait_until(secsession_pool_t *connections, apr_time_t now, apr_time_t then)
{
    connections->waiting++;
    apr_thread_cond_timedwait(connections->returned, connections->mutex, then - now);
    connections->waiting--;
    return secsession_monotonic();
}

/* Under the mutex: a place for one more statement, and an idle connection if there is one. */
static secsession_pool_state_t take_place(secsession_pool_t *connections, apr_time_t now,
                                          apr_time_t deadline, secsession_connection_t **idle,
                                          int *probe)
{
    apr_time_t patient_until = now + PATIENCE;

    *idle = NULL;
    for (;;) {
        apr_time_t probed_until = connections->probed_since + PROBE;

        if (connections->is_hanging && connections->probed_since) {
            if (now >= probed_until) {
                return SECSESSION_POOL_HANGING;
            }
            now = wait_until(connections, now, probed_until);
        } else if (find_place(connections, patient_until - now, idle)) {
            break;
        } else if (now >= deadline) {
            return SECSESSION_POOL_BUSY;
        } else {
            now = wait_until(connections, now, now < patient_until ? patient_until : deadline);
        }
    }
    *probe = connections->is_hanging;
    if (*probe) {
        connections->probed_since = now;
    }
    return SECSESSION_POOL_READY;
}

/* Under the mutex: gives a place back, and notes whether the database was found to hang. */
static void give_place(secsession_pool_t *connections, int probe, int is_hanging)
{
    connections->open_count--;
    connections->is_hanging = is_hanging;
    if (probe) {
        connections->probed_since = 0;
    }
    apr_thread_cond_broadcast(connections->returned);
}

static secsession_connection_t *open_one(secsession_pool_t *connections, int probe,
                                         apr_pool_t *scratch, const char **error)
{
    apr_time_t start = secsession_monotonic();
    secsession_connection_t *connection =
        secsession_connection_open(connections->driver, connections->params, connections->sink,
                                   scratch, error);

    if (connection == NULL) {
        apr_thread_mutex_lock(connections->mutex);
        give_place(connections, probe, secsession_monotonic() - start > HANGING_AFTER);
        apr_thread_mutex_unlock(connections->mutex);
    }
    return connection;
}

secsession_pool_state_t secsession_pool_acquire(secsession_pool_t *connections, apr_time_t deadline,
                                                apr_pool_t *scratch,
                                                secsession_connection_t **connection,
                                                const char **error)
{
    secsession_connection_t *found;
    secsession_pool_state_t state;
    apr_time_t now = secsession_monotonic();
    int probe = 0;

    apr_thread_mutex_lock(connections->mutex);
    state = take_place(connections, now, deadline, &found, &probe);
    apr_thread_mutex_unlock(connections->mutex);
    if (state != SECSESSION_POOL_READY) {
        return state;
    }
    if (found && now - found->since > TRUSTED_FOR && !secsession_connection_is_alive(found)) {
        secsession_connection_close(found);
        found = NULL;
    }
    if (found == NULL) {
        found = open_one(connections, probe, scratch, error);
    }
    if (found == NULL) {
        return SECSESSION_POOL_UNREACHABLE;
    }
    found->probe = probe;
    found->since = now;
    *connection = found;
    return SECSESSION_POOL_READY;
}

/* Under the mutex: takes out the connection at the bottom if it has been idle for long. */
static secsession_connection_t *take_stale(secsession_pool_t *connections, apr_time_t now)
{
    secsession_connection_t *oldest = connections->idle[0];

    if (connections->idle_count < 2 || now - oldest->since < IDLE_FOR) {
        return NULL;
    }
    connections->idle_count--;
    connections->open_count--;
    memmove(connections->idle, connections->idle + 1,
            (apr_size_t)connections->idle_count * sizeof(*connections->idle));
    return oldest;
}

void secsession_pool_release(secsession_pool_t *connections, secsession_connection_t *connection,
                             secsession_execution_t execution)
{
    secsession_connection_t *closing = NULL;
    apr_time_t now = secsession_monotonic();
    int was_hanging;
    int is_awaited = 0;

    apr_thread_mutex_lock(connections->mutex);
    was_hanging = connections->is_hanging;
    if (execution == SECSESSION_LOST || execution == SECSESSION_STALLED) {
        /* A statement that waits for a lock, or one server process that was stopped, does not mean
         * that the database hangs, if another statement has been answered meanwhile. */
        give_place(connections, connection->probe,
                   execution == SECSESSION_STALLED && connections->last_answer < connection->since);
        closing = connection;
    } else {
        connections->is_hanging = 0;
        if (connection->probe) {
            connections->probed_since = 0;
        }
        connections->last_answer = now;
        connection->since = now;
        connections->idle[connections->idle_count++] = connection;
        is_awaited = connections->waiting > 0;
        closing = take_stale(connections, now);
    }
    apr_thread_mutex_unlock(connections->mutex);
    /* Without the mutex, since a thread that wakes needs it first of all. */
    if (is_awaited && was_hanging) {
        apr_thread_cond_broadcast(connections->returned);
    } else if (is_awaited) {
        apr_thread_cond_signal(connections->returned);
    }
    if (closing) {
        secsession_connection_close(closing);
    }
}
