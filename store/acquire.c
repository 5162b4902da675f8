/* How a thread gets one of the connections of its child, or finds out that there is none. */
#include <apr_strings.h>

#include "store/places.h"
#include "store/pool.h"

/* How long a thread waits for one of the first `few` connections before it takes another. More
 * connections than processors only make PostgreSQL's processes take turns; but those few may all be
 * waiting for a lock. */
#define PATIENCE apr_time_from_msec(10)
/* While one thread finds out whether a database still hangs, the others wait for it so long. */
#define PROBE apr_time_from_msec(100)
/* How often a thread that needs a connection looks whether one that was given up has its answer. */
#define LOOK_AGAIN apr_time_from_msec(20)

/* A thread that needs a connection. */
typedef struct {
    apr_time_t arrived;
    apr_time_t now;
    apr_time_t deadline;
    int is_for_change;
    int probe;
} visitor_t;

/* Under the mutex, which it leaves meanwhile: looks after one connection that was given up.
 * Whether there was one to be looked after. */
static int look_after(secsession_pool_t *connections, apr_time_t now)
{
    for (secsession_connection_t **link = &connections->given_up; *link; link = &(*link)->next) {
        secsession_connection_t *connection = *link;

        if (now - connection->since > SECSESSION_GIVEN_UP_FOR
            || secsession_connection_has_news(connection)) {
            *link = connection->next;
            apr_thread_mutex_unlock(connections->mutex);
            secsession_pool_settled(connections, connection,
                                    secsession_connection_settle(connection, now));
            apr_thread_mutex_lock(connections->mutex);
            return 1;
        }
    }
    return 0;
}

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

        if (visitor->now - found->since <= SECSESSION_TRUSTED_FOR
            || secsession_connection_is_alive(found)) {
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
