/* The connections of one child: how they come back, and how they end. `idle` is a stack: the one
 * that is used least sinks to its bottom, and is closed there. How they are taken is in
 * acquire.c. */
#include "store/pool.h"

#include <apr_strings.h>
#include <string.h>
#include <unistd.h>

#include "store/places.h"

#define IDLE_FOR apr_time_from_sec(60)
#define HANGING_AFTER apr_time_from_msec(500) /* a refused connection fails sooner than this */

static void close_all(secsession_connection_t *connection)
{
    while (connection) {
        secsession_connection_t *next = connection->next;

        secsession_connection_close(connection);
        connection = next;
    }
}

static apr_status_t close_pool(void *data)
{
    secsession_pool_t *connections = data;

    while (connections->idle_count > 0) {
        secsession_connection_close(connections->idle[--connections->idle_count]);
    }
    close_all(connections->given_up);
    connections->given_up = NULL;
    return APR_SUCCESS;
}

/* --- connections come back -------------------------------------------------------------------- */

/* Under the mutex: the statement on it is over. */
static void end_statement(secsession_pool_t *connections, secsession_connection_t *connection)
{
    connections->changing -= connection->is_for_change;
    connection->is_for_change = 0;
}

/* Under the mutex: a connection on which the server has answered is there for the next thread. */
static void keep(secsession_pool_t *connections, secsession_connection_t *connection,
                 apr_time_t now)
{
    end_statement(connections, connection);
    connections->is_hanging = 0;
    connections->last_answer = now;
    connection->since = now;
    connection->next = NULL;
    connections->idle[connections->idle_count++] = connection;
}

/* Under the mutex: takes out those at the bottom that have been idle for so long, except `least`
 * connections, and returns them as a list. */
static secsession_connection_t *take_idle(secsession_pool_t *connections, apr_time_t now,
                                          apr_interval_time_t idle_for, int least)
{
    secsession_connection_t *list = NULL;
    int count = 0;

    while (connections->idle_count - count > least
           && now - connections->idle[count]->since >= idle_for) {
        connections->idle[count]->next = list;
        list = connections->idle[count++];
    }
    connections->idle_count -= count;
    connections->open_count -= count;
    if (count > 0) {
        memmove(connections->idle, connections->idle + count,
                (apr_size_t)connections->idle_count * sizeof(*connections->idle));
    }
    return list;
}

/* From the background. An attempt that fails late has found a host that is silent. */
static void opened(void *data, secsession_connection_t *connection, const char *error,
                   apr_time_t begin)
{
    secsession_pool_t *connections = data;
    apr_time_t now = secsession_monotonic();

    apr_thread_mutex_lock(connections->mutex);
    connections->opening--;
    if (connection) {
        keep(connections, connection, now);
    } else {
        connections->open_count--;
        connections->is_hanging = now - begin > HANGING_AFTER && connections->last_answer < begin;
        if (begin > connections->failed) {
            connections->failed = begin;
            apr_cpystrn(connections->error, error, sizeof(connections->error));
        }
    }
    apr_thread_cond_broadcast(connections->returned);
    apr_thread_mutex_unlock(connections->mutex);
}

void secsession_pool_settled(void *data, secsession_connection_t *connection,
                             secsession_execution_t execution)
{
    secsession_pool_t *connections = data;
    apr_time_t now = secsession_monotonic();
    int is_silent = execution == SECSESSION_STALLED;
    int is_over = execution == SECSESSION_LOST
                  || (is_silent && now - connection->since > SECSESSION_GIVEN_UP_FOR);

    apr_thread_mutex_lock(connections->mutex);
    if (is_over) {
        end_statement(connections, connection);
        connections->given_up_count--;
        connections->open_count--;
    } else if (is_silent) {
        connection->next = connections->given_up;
        connections->given_up = connection;
    } else {
        connections->given_up_count--;
        keep(connections, connection, now);
    }
    apr_thread_cond_broadcast(connections->returned);
    apr_thread_mutex_unlock(connections->mutex);
    if (is_over) {
        secsession_connection_close(connection);
    }
}

/* Under the mutex: the statement had no answer until its deadline. */
static void give_up(secsession_pool_t *connections, secsession_connection_t *connection,
                    apr_time_t now)
{
    /* A COMMIT that waits for a standby, or one server process that was stopped, does not mean
     * that the database hangs, if another statement has been answered meanwhile. */
    connections->is_hanging = connections->last_answer < connection->since;
    connections->given_up_count++;
    connection->since = now;
    if (secsession_background_cancel(connections->background, connection) != APR_SUCCESS) {
        connection->next = connections->given_up;
        connections->given_up = connection;
    }
}

void secsession_pool_release(secsession_pool_t *connections, secsession_connection_t *connection,
                             secsession_execution_t execution)
{
    secsession_connection_t *closing = NULL;
    apr_time_t now = secsession_monotonic();
    int is_for_all, is_awaited;

    apr_thread_mutex_lock(connections->mutex);
    is_for_all = connections->is_hanging || execution == SECSESSION_LOST
                 || connections->changing >= connections->most_changes;
    if (connection->probe) {
        connections->probed_since = 0;
    }
    if (execution == SECSESSION_STALLED) {
        give_up(connections, connection, now);
    } else if (execution == SECSESSION_LOST) {
        /* What was lost was lost for all that have been idle as long: the next shall not find out
         * one after the other. */
        closing = take_idle(connections, now, SECSESSION_TRUSTED_FOR, 0);
        end_statement(connections, connection);
        connection->next = closing;
        closing = connection;
        connections->open_count--;
        connections->is_hanging = 0;
    } else {
        keep(connections, connection, now);
        closing = take_idle(connections, now, IDLE_FOR, 1);
    }
    is_for_all |= connections->is_hanging;
    is_awaited = connections->waiting > 0;
    apr_thread_mutex_unlock(connections->mutex);
    /* Without the mutex, since a thread that wakes needs it first of all. */
    if (is_awaited && is_for_all) {
        apr_thread_cond_broadcast(connections->returned);
    } else if (is_awaited) {
        apr_thread_cond_signal(connections->returned);
    }
    close_all(closing);
}

/* --- the pool --------------------------------------------------------------------------------- */

static apr_status_t create(secsession_pool_t *connections, apr_pool_t *pool, apr_pool_t *child,
                           const secsession_background_config_t *background)
{
    apr_status_t status = apr_thread_mutex_create(&connections->mutex, APR_THREAD_MUTEX_DEFAULT,
                                                  pool);

    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&connections->returned, pool);
    }
    if (status == APR_SUCCESS) {
        status = secsession_background_create(&connections->background, child, background);
    }
    return status;
}

/* The memory lives as long as the process, since threads of the background may. */
apr_status_t secsession_pool_create(secsession_pool_t **result, apr_pool_t *child,
                                    const apr_dbd_driver_t *driver, const char *params, int max,
                                    const secsession_sink_t *sink)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    secsession_background_config_t background = { driver, params, sink,
                                                  NULL,   opened, secsession_pool_settled };
    secsession_pool_t *connections;
    apr_pool_t *pool;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    connections = apr_pcalloc(pool, sizeof(*connections));
    connections->max = max;
    connections->few = processors > 2 ? (int)processors : 2;
    connections->most_changes = max > 1 ? max - (max + 3) / 4 : 1;
    connections->idle = apr_pcalloc(pool, (apr_size_t)max * sizeof(*connections->idle));
    background.data = connections;
    status = create(connections, pool, child, &background);
    if (status == APR_SUCCESS) {
        apr_pool_cleanup_register(child, connections, close_pool, apr_pool_cleanup_null);
        *result = connections;
    }
    return status;
}
