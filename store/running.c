/* A list of the requests that are under way, and of the ends that the cache could not note. */
#include "store/running.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "store/connection.h"
#include "store/message.h"

#define BATCH 1000

typedef struct work_t {
    struct work_t *next;
    struct work_t **link; /* what points to it */
    secsession_running_t *running;
    secsession_hash_t token;
    char id[APR_UUID_FORMATTED_LENGTH + 1];
    apr_time_t begun; /* monotonic, like the next */
    apr_time_t told;
    int idle;     /* the idle timeout that it is under, in seconds */
    int is_early; /* which is shorter than the session's */
} work_t;

struct secsession_running_t {
    secsession_cache_t *cache;
    apr_thread_mutex_t *mutex; /* guards all below */
    work_t *works;
    secsession_use_t ended[BATCH];
    apr_size_t ended_count;
    secsession_use_t uses[BATCH]; /* of the one that tells */
};

apr_status_t secsession_running_create(secsession_running_t **result, secsession_cache_t *cache)
{
    secsession_running_t *running;
    apr_pool_t *pool;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    running = apr_pcalloc(pool, sizeof(*running));
    running->cache = cache;
    *result = running;
    return apr_thread_mutex_create(&running->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
}

static secsession_use_t use_of(const work_t *work, apr_time_t now)
{
    secsession_use_t use = { .seen = now, .is_early = work->is_early };

    apr_cpystrn(use.id, work->id, sizeof(use.id));
    return use;
}

/* The use at the beginning stands for one that is over at once. */
static apr_status_t end(void *data)
{
    work_t *work = data;
    secsession_running_t *running = work->running;
    apr_time_t now = secsession_monotonic();
    int is_to_tell = now - work->begun >= secsession_use_fine(work->idle)
                     && !(running->cache
                          && secsession_cache_use(running->cache, &work->token, work->idle, now));

    apr_thread_mutex_lock(running->mutex);
    *work->link = work->next;
    if (work->next) {
        work->next->link = work->link;
    }
    if (is_to_tell && running->ended_count < BATCH) {
        running->ended[running->ended_count] = use_of(work, now);
        running->ended[running->ended_count++].is_early = 1; /* to be written exactly */
    }
    apr_thread_mutex_unlock(running->mutex);
    return APR_SUCCESS;
}

void secsession_running_add(secsession_running_t *running, apr_pool_t *request,
                            const secsession_hash_t *token, const secsession_session_t *session,
                            const secsession_visit_t *visit)
{
    work_t *work = apr_palloc(request, sizeof(*work));

    work->running = running;
    work->token = *token;
    apr_cpystrn(work->id, session->id, sizeof(work->id));
    work->begun = work->told = secsession_monotonic();
    work->idle = session->limits.idle;
    work->is_early = visit->limits.idle > 0 && visit->limits.idle < work->idle;
    if (work->is_early) {
        work->idle = visit->limits.idle;
    }
    apr_thread_mutex_lock(running->mutex);
    work->next = running->works;
    work->link = &running->works;
    if (work->next) {
        work->next->link = &work->next;
    }
    running->works = work;
    apr_thread_mutex_unlock(running->mutex);
    apr_pool_cleanup_register(request, work, end, apr_pool_cleanup_null);
}

/* Those of which the database does not know: the ends first, which are known nowhere else. */
static apr_size_t collect(secsession_running_t *running, apr_time_t now)
{
    apr_size_t count;

    apr_thread_mutex_lock(running->mutex);
    count = running->ended_count;
    memcpy(running->uses, running->ended, count * sizeof(*running->uses));
    running->ended_count = 0;
    for (work_t *work = running->works; work && count < BATCH; work = work->next) {
        if (secsession_use_is_due(now - work->told, work->idle, SECSESSION_SHARE_OF_IDLE)) {
            work->told = now;
            running->uses[count++] = use_of(work, now);
        }
    }
    apr_thread_mutex_unlock(running->mutex);
    return count;
}

static void tell(secsession_running_t *running, apr_pool_t *scratch, secsession_dbd_t *dbd,
                 apr_size_t count)
{
    secsession_parameters_t parameters = { 0 };
    const char *ids, *ages;

    apr_pool_clear(scratch);
    secsession_message_uses(scratch, running->uses, count, secsession_monotonic(), &ids, &ages);
    secsession_parameters_add_text(&parameters, ids);
    secsession_parameters_add_text(&parameters, ages);
    secsession_parameters_add_text(&parameters,
                                   apr_psprintf(scratch, "%g",
                                                secsession_use_share(running->uses, count)));
    secsession_dbd_query(dbd, scratch, SECSESSION_SQL_NOTE_USES, &parameters);
}

void secsession_running_tell(secsession_running_t *running, apr_pool_t *scratch,
                             secsession_dbd_t *dbd)
{
    apr_size_t count;

    do {
        count = collect(running, secsession_monotonic());
        if (count > 0) {
            tell(running, scratch, dbd, count);
        }
    } while (count == BATCH);
}
