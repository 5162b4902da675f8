/* The thread that watches, and what it watches.
 *
 * Each vigil has the moment until which it is good, and nothing else is looked at while data pass.
 * The thread moves it on before it is reached; where something has changed it takes it back, asks,
 * and says what is true. A thread of a request that finds the moment over waits for that, so that
 * nothing passes meanwhile. So no request asks PostgreSQL for what is under way, and however many
 * there are, a child asks with one statement at a time.
 */
#include "store/watchman.h"

#include <apr_strings.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "store/connection.h"
#include "store/threads.h"

#define MOST 1000 /* sessions in a statement */
/* Longer than a statement can take, so that only a thread that is gone is given up. */
#define VERDICT_WITHIN apr_time_from_sec(4)
#define COLUMNS 2 /* of secsession.under_way() */

/* It lives as long as the process, like its thread. */
struct secsession_watchman_t {
    secsession_dbd_t *dbd;
    secsession_vouchers_t vouchers;
    secsession_threads_t *threads;
    apr_pool_t *scratch;
    int wake[2];           /* a pipe: what can be read says that there is something to do */
    pthread_mutex_t mutex; /* guards all below; never held while the database is asked */
    pthread_cond_t judged;
    secsession_vigil_t *first;
    int has_thread;
    int is_idle;   /* the thread waits until somebody calls */
    int is_called; /* somebody has */
};

/* --- starting --------------------------------------------------------------------------------- */

/* A child of prefork may end in a signal handler, in the middle of what we do under the mutex: it
 * must then get an error, where it would wait for itself. */
static int make_locks(secsession_watchman_t *watchman)
{
    pthread_mutexattr_t kind;
    pthread_condattr_t clock;
    int error = pthread_mutexattr_init(&kind) || pthread_condattr_init(&clock)
                || pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK)
                || pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);

    return !error && pthread_mutex_init(&watchman->mutex, &kind) == 0
           && pthread_cond_init(&watchman->judged, &clock) == 0;
}

apr_status_t secsession_watchman_create(secsession_watchman_t **result, apr_pool_t *child,
                                        secsession_dbd_t *dbd,
                                        const secsession_vouchers_t *vouchers)
{
    secsession_watchman_t *watchman;
    apr_pool_t *pool;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    watchman = apr_pcalloc(pool, sizeof(*watchman));
    watchman->dbd = dbd;
    watchman->vouchers = *vouchers;
    if (!make_locks(watchman) || pipe2(watchman->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        return APR_EGENERAL;
    }
    status = apr_pool_create(&watchman->scratch, pool);
    *result = watchman;
    return status == APR_SUCCESS ? secsession_threads_create(&watchman->threads, child) : status;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Under the mutex: writes down the ids of those that are to be asked for. How many they are. */
static int gather(secsession_watchman_t *watchman, apr_time_t now, char *ids)
{
    int count = 0;

    *ids++ = '{';
    for (secsession_vigil_t *vigil = watchman->first; vigil; vigil = vigil->next) {
        vigil->row = -1;
        if (secsession_vigil_is_to_be_asked(vigil, now) && count < MOST) {
            ids += apr_snprintf(ids, sizeof(vigil->id) + 1, "%s%s", count ? "," : "", vigil->id);
            vigil->row = count++;
        }
    }
    memcpy(ids, "}", sizeof("}"));
    return count;
}

/* Under the mutex. */
static void judge(secsession_watchman_t *watchman, const PGresult *answer, apr_time_t asked,
                  secsession_generation_t generation)
{
    for (secsession_vigil_t *vigil = watchman->first; vigil; vigil = vigil->next) {
        if (vigil->row >= 0) {
            secsession_vigil_obey(vigil, answer, asked, generation);
        }
    }
    pthread_cond_broadcast(&watchman->judged);
}

static const PGresult *ask(secsession_watchman_t *watchman, const char *ids, int count)
{
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;

    secsession_parameters_add_text(&parameters, ids);
    result = secsession_dbd_query(watchman->dbd, watchman->scratch, SECSESSION_SQL_UNDER_WAY,
                                  &parameters);
    if (result && (PQntuples(result) != count || PQnfields(result) != COLUMNS)) {
        secsession_dbd_log_nonsense(watchman->dbd, SECSESSION_SQL_UNDER_WAY);
        return NULL;
    }
    return result;
}

/* Looks at every vigil once. Whether there are more to be asked for than fit into a statement. */
static int look_round(secsession_watchman_t *watchman)
{
    secsession_cache_t *cache = watchman->vouchers.cache;
    apr_time_t now = secsession_monotonic();
    /* From before the question, so that what changes meanwhile is asked for again. */
    secsession_generation_t generation = cache ? secsession_cache_generation(cache) : 0;
    const PGresult *result;
    char *ids;
    int count;

    apr_pool_clear(watchman->scratch);
    ids = apr_palloc(watchman->scratch, MOST * (APR_UUID_FORMATTED_LENGTH + 1) + sizeof("{}"));
    pthread_mutex_lock(&watchman->mutex);
    watchman->is_called = 0;
    count = gather(watchman, now, ids);
    pthread_cond_broadcast(&watchman->judged);
    pthread_mutex_unlock(&watchman->mutex);
    if (count == 0) {
        return 0;
    }
    result = ask(watchman, ids, count);
    pthread_mutex_lock(&watchman->mutex);
    judge(watchman, result, now, generation);
    pthread_mutex_unlock(&watchman->mutex);
    return count == MOST;
}

/* Waits for a tick, or until somebody calls; where nothing is watched, only for that. Whether the
 * child goes on. */
static int wait_for_work(secsession_watchman_t *watchman, int is_idle)
{
    struct pollfd pollers[] = { { .fd = secsession_threads_stop(watchman->threads),
                                  .events = POLLIN },
                                { .fd = watchman->wake[0], .events = POLLIN } };
    char calls[64];

    poll(pollers, 2, is_idle ? -1 : (int)apr_time_as_msec(SECSESSION_TICK));
    if (pollers[1].revents && read(watchman->wake[0], calls, sizeof(calls)) < 0) {
        return 1; /* somebody calls once more */
    }
    return !pollers[0].revents;
}

static int has_nothing(secsession_watchman_t *watchman)
{
    int is_idle;

    pthread_mutex_lock(&watchman->mutex);
    watchman->is_idle = is_idle = watchman->first == NULL;
    pthread_mutex_unlock(&watchman->mutex);
    return is_idle;
}

static void run(void *data)
{
    secsession_watchman_t *watchman = data;

    while (wait_for_work(watchman, has_nothing(watchman))) {
        while (look_round(watchman)) {
        }
    }
}

/* --- the threads of requests ------------------------------------------------------------------ */

/* Under the mutex: has the thread look round at once. If there is none, nothing is vouched for. */
static void call(secsession_watchman_t *watchman)
{
    if (!watchman->has_thread) {
        watchman->has_thread = secsession_threads_start(watchman->threads, run, watchman)
                               == APR_SUCCESS;
    }
    if (!watchman->is_called) {
        watchman->is_called = write(watchman->wake[1], "", 1) == 1;
    }
}

static apr_status_t leave(void *data)
{
    secsession_vigil_t *vigil = data;
    secsession_watchman_t *watchman = vigil->watchman;

    if (pthread_mutex_lock(&watchman->mutex) == 0) {
        *vigil->link = vigil->next;
        if (vigil->next) {
            vigil->next->link = vigil->link;
        }
        pthread_mutex_unlock(&watchman->mutex);
    }
    return APR_SUCCESS;
}

secsession_vigil_t *secsession_watchman_add(secsession_watchman_t *watchman, apr_pool_t *pool,
                                            const secsession_session_t *session, int absolute)
{
    secsession_vigil_t *vigil = apr_pcalloc(pool, sizeof(*vigil));

    secsession_vigil_begin(vigil, &watchman->vouchers, session, absolute);
    vigil->watchman = watchman;
    pthread_mutex_lock(&watchman->mutex);
    if (watchman->is_idle || !watchman->has_thread) {
        call(watchman);
    }
    if (watchman->first) {
        watchman->first->link = &vigil->next;
    }
    vigil->next = watchman->first;
    vigil->link = &watchman->first;
    watchman->first = vigil;
    pthread_mutex_unlock(&watchman->mutex);
    apr_pool_pre_cleanup_register(pool, vigil, leave);
    return vigil;
}

static secsession_outcome_t wait_for_verdict(secsession_vigil_t *vigil)
{
    secsession_watchman_t *watchman = vigil->watchman;
    apr_time_t give_up = secsession_monotonic() + VERDICT_WITHIN;
    secsession_outcome_t outcome;

    pthread_mutex_lock(&watchman->mutex);
    while (secsession_vigil_is_in_doubt(vigil) && secsession_monotonic() < give_up) {
        struct timespec at;

        call(watchman);
        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec++;
        pthread_cond_timedwait(&watchman->judged, &watchman->mutex, &at);
    }
    if (secsession_vigil_is_in_doubt(vigil)) {
        secsession_vigil_give_up(vigil);
    }
    outcome = secsession_vigil_outcome(vigil);
    pthread_mutex_unlock(&watchman->mutex);
    return outcome;
}

secsession_outcome_t secsession_watchman_outcome(secsession_vigil_t *vigil)
{
    return secsession_vigil_is_in_doubt(vigil) ? wait_for_verdict(vigil)
                                               : secsession_vigil_outcome(vigil);
}

secsession_outcome_t secsession_watchman_at_end(secsession_vigil_t *vigil,
                                                void (*tell)(void *data, secsession_outcome_t why),
                                                void *data)
{
    secsession_watchman_t *watchman = vigil->watchman;
    secsession_outcome_t outcome;

    pthread_mutex_lock(&watchman->mutex);
    outcome = secsession_vigil_outcome(vigil);
    if (outcome == SECSESSION_LIVE) {
        vigil->tell = tell;
        vigil->data = data;
    }
    pthread_mutex_unlock(&watchman->mutex);
    return outcome;
}
