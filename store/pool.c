/* The connections of one child. `idle` is a stack: the connection that is used least sinks to its
 * bottom, and is closed there. */
#include "store/pool.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <string.h>
#include <unistd.h>

#include "store/background.h"

#define IDLE_FOR apr_time_from_sec(60)
/* A connection that was used less than so long ago is taken to be alive. */
#define TRUSTED_FOR apr_time_from_sec(1)
/* How long a thread waits for one of the first `few` connections before it takes another. More
 * connections than processors only make PostgreSQL's processes take turns; but those few may all be
 * waiting for a lock. */
#define PATIENCE apr_time_from_msec(10)
#define HANGING_AFTER apr_time_from_msec(500) /* a refused connection fails sooner than this */
/* While one thread finds out whether a database still hangs, the others wait for it so long. */
#define PROBE apr_time_from_msec(100)
/* How often a thread that needs a connection looks whether one that was given up has its answer;
 * and when it is closed without one. */
#define LOOK_AGAIN apr_time_from_msec(20)
#define GIVEN_UP_FOR apr_time_from_sec(60)

struct secsession_pool_t {
    secsession_background_t *background;
    int max;
    int few;
    int most_changes;
    apr_thread_mutex_t *mutex; /* guards all below */
    apr_thread_cond_t *returned;
    secsession_connection_t **idle;
    int idle_count;
    secsession_connection_t *given_up; /* a list: cancelled, and still without an answer */
    int given_up_count;                /* those that are being cancelled included */
    int changing;                      /* for a change in use, or given up */
    int opening;
    int open_count;          /* idle, in use, given up, or being opened */
    int waiting;             /* threads that wait for a connection to come back */
    int is_hanging;          /* a statement or connection found no answer */
    apr_time_t probed_since; /* one thread is finding out whether it still does not; 0: none is */
    apr_time_t last_answer;
    apr_time_t failed; /* when the attempt to open one began that was the last to fail */
    char error[512];   /* why it failed */
};

/* A thread that needs a connection. */
typedef struct {
    apr_time_t arrived;
    apr_time_t now;
    apr_time_t deadline;
    int is_for_change;
    int probe;
} visitor_t;

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

/* What has become of a statement that was given up. */
static void settled(void *data, secsession_connection_t *connection,
                    secsession_execution_t execution)
{
    secsession_pool_t *connections = data;
    apr_time_t now = secsession_monotonic();
    int is_silent = execution == SECSESSION_STALLED;
    int is_over = execution == SECSESSION_LOST
                  || (is_silent && now - connection->since > GIVEN_UP_FOR);

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

/* Under the mutex, which it leaves meanwhile: looks after one connection that was given up.
 * Whether there was one to be looked after. */
static int look_after(secsession_pool_t *connections, apr_time_t now)
{
    for (secsession_connection_t **link = &connections->given_up; *link; link = &(*link)->next) {
        secsession_connection_t *connection = *link;

        if (now - connection->since > GIVEN_UP_FOR || secsession_connection_has_news(connection)) {
            *link = connection->next;
            apr_thread_mutex_unlock(connections->mutex);
            settled(connections, connection, secsession_connection_settle(connection, now));
            apr_thread_mutex_lock(connections->mutex);
            return 1;
        }
    }
    return 0;
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
        closing = take_idle(connections, now, TRUSTED_FOR, 0);
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

/* --- connections are taken -------------------------------------------------------------------- */

/* Under the mutex: how many run a statement, or will as soon as they are open. */
static int count_in_use(const secsession_pool_t *connections)
{
    return connections->open_count - connections->idle_count - connections->given_up_count;
}

/* Under the mutex: how many a thread will put back. */
static int count_at_work(const secsession_pool_t *connections)
{
    return count_in_use(connections) - connections->opening;
}

/* Under the mutex: whether an attempt to open one has failed that began after the thread came: an
 * earlier one says nothing of how things are now. */
static int has_failed(const secsession_pool_t *connections, const visitor_t *visitor)
{
    return connections->failed >= visitor->arrived;
}

/* Under the mutex: whether the thread leaves the connections to others for now. */
static int is_patient(const secsession_pool_t *connections, const visitor_t *visitor)
{
    return count_in_use(connections) >= connections->few
           && visitor->now < visitor->arrived + PATIENCE;
}

static int must_wait(const secsession_pool_t *connections, const visitor_t *visitor)
{
    return is_patient(connections, visitor)
           || (visitor->is_for_change && connections->changing >= connections->most_changes);
}

/* Under the mutex: the idle connection that was used last, if it seems alive. */
static secsession_connection_t *find_idle(secsession_pool_t *connections, const visitor_t *visitor)
{
    while (connections->idle_count > 0 && !must_wait(connections, visitor)) {
        secsession_connection_t *found = connections->idle[--connections->idle_count];

        if (visitor->now - found->since <= TRUSTED_FOR || secsession_connection_is_alive(found)) {
            return found;
        }
        connections->open_count--;
        secsession_connection_close(found);
    }
    return NULL;
}

/* Under the mutex: has one more connection opened, if the threads that wait need it. */
static void have_one_opened(secsession_pool_t *connections, const visitor_t *visitor)
{
    if (must_wait(connections, visitor) || has_failed(connections, visitor)
        || connections->open_count >= connections->max
        || connections->opening > connections->waiting) {
        return;
    }
    if (secsession_background_open(connections->background) == APR_SUCCESS) {
        connections->opening++;
        connections->open_count++;
    } else {
        connections->failed = visitor->now;
        apr_cpystrn(connections->error, "no thread can be started to open it",
                    sizeof(connections->error));
    }
}

/* Under the mutex: waits until `then`, or until something has come back. */
static void wait_until(secsession_pool_t *connections, visitor_t *visitor, apr_time_t then)
{
    connections->waiting++;
    apr_thread_cond_timedwait(connections->returned, connections->mutex, then - visitor->now);
    connections->waiting--;
    visitor->now = secsession_monotonic();
}

static apr_time_t next_look(const secsession_pool_t *connections, const visitor_t *visitor)
{
    apr_time_t then = visitor->deadline;

    if (connections->given_up && visitor->now + LOOK_AGAIN < then) {
        then = visitor->now + LOOK_AGAIN;
    }
    if (is_patient(connections, visitor) && visitor->arrived + PATIENCE < then) {
        then = visitor->arrived + PATIENCE;
    }
    return then;
}

/* Under the mutex: why there was no connection until the deadline. */
static secsession_pool_state_t judge(secsession_pool_t *connections, const visitor_t *visitor)
{
    if (connections->opening == 0 && count_at_work(connections) > 0
        && !has_failed(connections, visitor)) {
        return SECSESSION_POOL_BUSY;
    }
    connections->is_hanging = connections->last_answer < visitor->arrived;
    return SECSESSION_POOL_UNREACHABLE;
}

/* Under the mutex: whether another thread is finding out whether the database still hangs. If none
 * is, this one does. */
static int is_probed(secsession_pool_t *connections, visitor_t *visitor)
{
    if (!connections->is_hanging || visitor->probe) {
        return 0;
    }
    if (connections->probed_since == 0) {
        connections->probed_since = visitor->now;
        visitor->probe = 1;
    }
    return !visitor->probe;
}

/* Under the mutex. */
static secsession_pool_state_t find(secsession_pool_t *connections, visitor_t *visitor,
                                    secsession_connection_t **found)
{
    for (;;) {
        if (is_probed(connections, visitor)) {
            if (visitor->now >= connections->probed_since + PROBE) {
                return SECSESSION_POOL_HANGING;
            }
            wait_until(connections, visitor, connections->probed_since + PROBE);
            continue;
        }
        *found = find_idle(connections, visitor);
        if (*found) {
            return SECSESSION_POOL_READY;
        }
        if (has_failed(connections, visitor) && count_at_work(connections) == 0) {
            return SECSESSION_POOL_UNREACHABLE;
        }
        if (visitor->now >= visitor->deadline) {
            return judge(connections, visitor);
        }
        if (!look_after(connections, visitor->now)) {
            have_one_opened(connections, visitor);
            wait_until(connections, visitor, next_look(connections, visitor));
        }
    }
}

secsession_pool_state_t secsession_pool_acquire(secsession_pool_t *connections, int is_for_change,
                                                apr_time_t deadline, apr_pool_t *scratch,
                                                secsession_connection_t **connection,
                                                const char **error)
{
    apr_time_t now = secsession_monotonic();
    visitor_t visitor = {
        .arrived = now, .now = now, .deadline = deadline, .is_for_change = is_for_change != 0
    };
    secsession_pool_state_t state;

    apr_thread_mutex_lock(connections->mutex);
    state = find(connections, &visitor, connection);
    if (state == SECSESSION_POOL_READY) {
        (*connection)->probe = visitor.probe;
        (*connection)->since = visitor.now;
        (*connection)->is_for_change = visitor.is_for_change;
        connections->changing += visitor.is_for_change;
    } else if (visitor.probe) {
        connections->probed_since = 0;
        apr_thread_cond_broadcast(connections->returned);
    }
    if (state == SECSESSION_POOL_UNREACHABLE && has_failed(connections, &visitor)) {
        *error = apr_pstrdup(scratch, connections->error);
    }
    apr_thread_mutex_unlock(connections->mutex);
    return state;
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
    secsession_background_config_t background = { driver, params, sink, NULL, opened, settled };
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
