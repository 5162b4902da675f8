/* Look-ups that share a statement. While one thread asks the database (it holds a lane), other
 * threads that want to ask wait in a queue, each in a seat of its own. A thread that finds no lane
 * in use opens one and asks for its own token alone. When it has its answer it hands the lane to
 * the first thread of the queue, which asks, in one statement, for the tokens of all who wait in
 * the same realm.
 *
 * That statement, lookup_many(), writes nothing and waits for no lock. It leaves open what needs
 * either, such as noticing that a session has ended: those threads then ask once more, each for
 * itself, so that nobody waits for the lock of another's session.
 */
#include "store/lookups.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <string.h>

#include "store/answer.h"
#include "store/ask.h"
#include "store/cache.h"

#define SEATS 64
/* A thread that asks alone may have to wait for a lock. A thread that has been in the queue for so
 * long opens another lane. */
#define PATIENCE apr_time_from_msec(10)
/* As the idle_cap of lookup(): the look-up is no use of the session. */
#define NO_USE (-1)

typedef enum {
    WAITING,
    CALLED,  /* has a lane, and asks for all in the queue */
    ASKED,   /* another thread is asking for it */
    ANSWERED /* and has got the answer */
} state_t;

typedef struct seat_t {
    const secsession_question_t *question;
    apr_pool_t *pool;
    const secsession_session_t *session;
    secsession_outcome_t outcome;
    int is_settled; /* there is an answer; else it must ask alone */
    state_t state;
    int number; /* of its condition */
    struct seat_t *next;
} seat_t;

struct secsession_lookups_t {
    secsession_dbd_t *dbd;
    apr_thread_mutex_t *mutex; /* guards all below; never held while the database is asked */
    apr_thread_cond_t *conditions[SEATS];
    int free[SEATS]; /* a stack of numbers */
    int free_count;
    int lanes;     /* in use */
    seat_t *first; /* of the queue */
    seat_t **last;
};

apr_status_t secsession_lookups_create(secsession_lookups_t **result, apr_pool_t *pool,
                                       secsession_dbd_t *dbd)
{
    secsession_lookups_t *lookups = apr_pcalloc(pool, sizeof(*lookups));
    apr_status_t status = apr_thread_mutex_create(&lookups->mutex, APR_THREAD_MUTEX_DEFAULT, pool);

    lookups->dbd = dbd;
    lookups->last = &lookups->first;
    for (int i = 0; status == APR_SUCCESS && i < SEATS; i++) {
        status = apr_thread_cond_create(&lookups->conditions[i], pool);
        lookups->free[lookups->free_count++] = i;
    }
    *result = lookups;
    return status;
}

/* --- the two statements ----------------------------------------------------------------------- */

static secsession_outcome_t ask_alone(secsession_lookups_t *lookups, apr_pool_t *pool,
                                      const secsession_question_t *question,
                                      const secsession_session_t **session)
{
    const secsession_visit_t *visit = question->visit;
    secsession_parameters_t parameters = { 0 };

    secsession_parameters_add_hash(&parameters, question->token);
    secsession_parameters_add_text(&parameters, question->realm);
    secsession_parameters_add_number(&parameters, pool,
                                     visit->is_polling ? NO_USE : visit->limits.idle);
    secsession_parameters_add_number(&parameters, pool, visit->limits.absolute);
    secsession_parameters_add_text(&parameters, question->client->addr);
    secsession_parameters_add_text(&parameters, secsession_client_agent(question->client, pool));
    return secsession_ask_session(lookups->dbd, pool, SECSESSION_SQL_LOOKUP, &parameters, session);
}

static const PGresult *query_many(secsession_lookups_t *lookups, const seat_t *seats, int count)
{
    apr_pool_t *pool = seats->pool;
    char *tokens = apr_palloc(pool, (apr_size_t)count * SECSESSION_HASH_BYTES);
    secsession_parameters_t parameters = { 0 };

    secsession_parameters_add_bytes(&parameters, tokens, count * SECSESSION_HASH_BYTES);
    secsession_parameters_add_text(&parameters, seats->question->realm);
    for (; seats; seats = seats->next) {
        memcpy(tokens, seats->question->token->bytes, SECSESSION_HASH_BYTES);
        tokens += SECSESSION_HASH_BYTES;
    }
    return secsession_dbd_query(lookups->dbd, pool, SECSESSION_SQL_LOOKUP_MANY, &parameters);
}

/* Whether this use is to be written because the location has a shorter idle timeout than the
 * session, of which the statement for many does not know. */
static int is_early_use(const secsession_visit_t *visit, const secsession_session_t *session)
{
    apr_int64_t due_ms = (apr_int64_t)(visit->limits.idle * SECSESSION_SHARE_OF_IDLE * 1000);

    return !visit->is_polling && visit->limits.idle > 0 && visit->limits.idle < session->limits.idle
           && session->idle_ms >= due_ms && session->idle_ms >= 1000;
}

/* The owners of the other seats are waiting, so that their pools may be used here. */
static void ask_together(secsession_lookups_t *lookups, seat_t *seats, int count)
{
    const PGresult *result = query_many(lookups, seats, count);
    int is_sound = result && PQntuples(result) == count && PQnfields(result) == 2, row = 0;

    if (result && !is_sound) {
        secsession_dbd_log_nonsense(lookups->dbd, SECSESSION_SQL_LOOKUP_MANY);
    }
    for (seat_t *seat = seats; seat; seat = seat->next, row++) {
        seat->outcome = SECSESSION_UNAVAILABLE;
        seat->is_settled = !is_sound || *PQgetvalue(result, row, 0);
        if (is_sound && seat->is_settled) {
            seat->outcome = secsession_answer_decode(seat->pool, result, row, 1, &seat->session);
        }
        if (seat->outcome == SECSESSION_LIVE
            && is_early_use(seat->question->visit, seat->session)) {
            seat->is_settled = 0;
        }
        if (is_sound && seat->is_settled && seat->outcome == SECSESSION_UNAVAILABLE) {
            secsession_dbd_log_nonsense(lookups->dbd, SECSESSION_SQL_LOOKUP_MANY);
        }
    }
}

/* --- the seats -------------------------------------------------------------------------------- */

/* Under the mutex. */
static void sit_down(secsession_lookups_t *lookups, seat_t *seat)
{
    seat->number = lookups->free[--lookups->free_count];
    seat->state = WAITING;
    *lookups->last = seat;
    lookups->last = &seat->next;
}

/* Under the mutex: takes the seat that `link` leads to out of the queue. */
static void take_out(secsession_lookups_t *lookups, seat_t **link)
{
    seat_t *seat = *link;

    *link = seat->next;
    seat->next = NULL;
    if (lookups->last == &seat->next) {
        lookups->last = link;
    }
}

/* Under the mutex: takes all who ask in the same realm as `called` out of the queue and puts them
 * behind it. Returns how many they are, `called` included. */
static int gather(secsession_lookups_t *lookups, seat_t *called)
{
    seat_t **end = &called->next;
    int count = 1;

    for (seat_t **link = &lookups->first; *link;) {
        seat_t *seat = *link;

        if (strcmp(seat->question->realm, called->question->realm) != 0) {
            link = &seat->next;
            continue;
        }
        take_out(lookups, link);
        seat->state = ASKED;
        *end = seat;
        end = &seat->next;
        count++;
    }
    return count;
}

/* Under the mutex: hands the lane to the first in the queue, and returns its number; where the
 * queue is empty, closes the lane and returns -1. */
static int leave_lane(secsession_lookups_t *lookups)
{
    seat_t *next = lookups->first;

    if (next == NULL) {
        lookups->lanes--;
        return -1;
    }
    take_out(lookups, &lookups->first);
    next->state = CALLED;
    return next->number;
}

/* Under the mutex: for a seat that nobody has called in time. */
static void open_lane(secsession_lookups_t *lookups, seat_t *seat)
{
    seat_t **link = &lookups->first;

    while (*link != seat) {
        link = &(*link)->next;
    }
    take_out(lookups, link);
    seat->state = CALLED;
    lookups->lanes++;
}

/* Under the mutex: waits until the seat is called, or is answered. */
static void wait_in(secsession_lookups_t *lookups, seat_t *seat)
{
    apr_time_t until = secsession_monotonic() + PATIENCE;
    apr_time_t left = PATIENCE;

    while (seat->state == WAITING && left > 0) {
        apr_thread_cond_timedwait(lookups->conditions[seat->number], lookups->mutex, left);
        left = until - secsession_monotonic();
    }
    if (seat->state == WAITING) {
        open_lane(lookups, seat);
    }
    while (seat->state == ASKED) {
        apr_thread_cond_wait(lookups->conditions[seat->number], lookups->mutex);
    }
    lookups->free[lookups->free_count++] = seat->number;
}

/* Asks for one, or for all who were gathered; then wakes these, and the thread that gets the lane.
 * It signals after the mutex is free again, since a thread that wakes needs it first of all. By
 * then a seat, which is on its owner's stack, may be gone: so the numbers of the conditions, which
 * stay, were noted before. */
static void lead(secsession_lookups_t *lookups, seat_t *called, int count)
{
    int numbers[SEATS], told = 0, next;

    if (count > 1) {
        ask_together(lookups, called, count);
    } else {
        called->outcome = ask_alone(lookups, called->pool, called->question, &called->session);
        called->is_settled = 1;
    }
    apr_thread_mutex_lock(lookups->mutex);
    for (seat_t *seat = called->next; seat; seat = seat->next) {
        seat->state = ANSWERED;
        numbers[told++] = seat->number;
    }
    next = leave_lane(lookups);
    apr_thread_mutex_unlock(lookups->mutex);
    if (next >= 0) {
        apr_thread_cond_signal(lookups->conditions[next]);
    }
    for (int i = 0; i < told; i++) {
        apr_thread_cond_signal(lookups->conditions[numbers[i]]);
    }
}

secsession_outcome_t secsession_lookups_ask(secsession_lookups_t *lookups, apr_pool_t *pool,
                                            const secsession_question_t *question,
                                            const secsession_session_t **session)
{
    seat_t seat = { .question = question, .pool = pool };
    int has_lane, count = 1;

    apr_thread_mutex_lock(lookups->mutex);
    has_lane = lookups->lanes == 0;
    if (has_lane) {
        lookups->lanes++;
    } else if (lookups->free_count > 0) {
        sit_down(lookups, &seat);
        wait_in(lookups, &seat);
        has_lane = seat.state == CALLED;
        count = has_lane ? gather(lookups, &seat) : 1;
    }
    apr_thread_mutex_unlock(lookups->mutex);

    if (has_lane) {
        lead(lookups, &seat, count);
    }
    if (!seat.is_settled) {
        seat.outcome = ask_alone(lookups, pool, question, &seat.session);
    }
    *session = seat.session;
    return seat.outcome;
}
