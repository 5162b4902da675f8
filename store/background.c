/* A queue of what is to be done, and the threads that do it. A pipe wakes them, since the end of
 * the child must wake them, too, and may not use a lock: see threads.c. */
#include "store/background.h"

#include <apr_thread_mutex.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "store/threads.h"

/* So many at once. Each may be busy for as long as a name server or a host is silent. */
#define THREADS 4
/* PostgreSQL answers a statement that was cancelled at once, if it answers at all. */
#define SETTLE_WITHIN apr_time_from_msec(500)

struct secsession_background_t {
    secsession_background_config_t config;
    secsession_threads_t *threads;
    int wake[2];               /* a pipe: a byte for each that was asked for */
    apr_thread_mutex_t *mutex; /* guards all below */
    int to_open;
    secsession_connection_t *to_cancel; /* a list */
    int is_cancelling; /* one at a time: a host that is silent holds up no more than a thread */
    int running;       /* threads, and how many of them are busy */
    int busy;
};

typedef enum { NOTHING, OPEN, CANCEL } job_t;

/* Whether the child ends: then nobody may be told anything any more. */
static int is_stopping(const secsession_background_t *background)
{
    return secsession_threads_rest(background->threads, 0);
}

static job_t take_job(secsession_background_t *background, secsession_connection_t **connection)
{
    job_t job = NOTHING;

    apr_thread_mutex_lock(background->mutex);
    if (background->to_open > 0) {
        background->to_open--;
        job = OPEN;
    } else if (background->to_cancel && !background->is_cancelling) {
        *connection = background->to_cancel;
        background->to_cancel = (*connection)->next;
        background->is_cancelling = 1;
        job = CANCEL;
    }
    background->busy += job != NOTHING;
    apr_thread_mutex_unlock(background->mutex);
    return job;
}

static void end_job(secsession_background_t *background, job_t job)
{
    apr_thread_mutex_lock(background->mutex);
    background->busy--;
    if (job == CANCEL) {
        background->is_cancelling = 0;
    }
    apr_thread_mutex_unlock(background->mutex);
}

static void open_one(secsession_background_t *background)
{
    const secsession_background_config_t *config = &background->config;
    apr_time_t begin = secsession_monotonic();
    const char *error = "out of memory";
    secsession_connection_t *connection;
    apr_pool_t *scratch;

    if (apr_pool_create_unmanaged_ex(&scratch, NULL, NULL) != APR_SUCCESS) {
        config->opened(config->data, NULL, error, begin);
        return;
    }
    connection = secsession_connection_open(config->driver, config->params, NULL, config->sink,
                                            scratch, &error);
    if (!is_stopping(background)) {
        config->opened(config->data, connection, error, begin);
    } else if (connection) {
        secsession_connection_close(connection);
    }
    apr_pool_destroy(scratch);
}

static void cancel_one(secsession_background_t *background, secsession_connection_t *connection)
{
    secsession_execution_t execution;

    secsession_connection_cancel(connection);
    execution = secsession_connection_settle(connection, secsession_monotonic() + SETTLE_WITHIN);
    if (!is_stopping(background)) {
        background->config.cancelled(background->config.data, connection, execution);
    }
}

static void wait_for_jobs(const secsession_background_t *background)
{
    struct pollfd pollers[] = { { .fd = background->wake[0], .events = POLLIN },
                                { .fd = secsession_threads_stop(background->threads),
                                  .events = POLLIN } };
    char one;

    /* Another thread may have been faster, which does no harm. */
    if (poll(pollers, 2, -1) > 0 && pollers[0].revents && read(pollers[0].fd, &one, 1) < 0) {
        return;
    }
}

static void run(void *data)
{
    secsession_background_t *background = data;

    while (!is_stopping(background)) {
        secsession_connection_t *connection = NULL;
        job_t job = take_job(background, &connection);

        if (job == NOTHING) {
            wait_for_jobs(background);
            continue;
        }
        if (job == OPEN) {
            open_one(background);
        } else {
            cancel_one(background, connection);
        }
        end_job(background, job);
    }
}

apr_status_t secsession_background_create(secsession_background_t **result, apr_pool_t *child,
                                          const secsession_background_config_t *config)
{
    secsession_background_t *background;
    apr_pool_t *pool;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    background = apr_pcalloc(pool, sizeof(*background));
    background->config = *config;
    *result = background;
    if (pipe2(background->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        return apr_get_os_error();
    }
    status = secsession_threads_create(&background->threads, child);
    return status == APR_SUCCESS
               ? apr_thread_mutex_create(&background->mutex, APR_THREAD_MUTEX_DEFAULT, pool)
               : status;
}

/* Under the mutex: a thread for what was just queued. Where no more can be had, the others do it
 * when they can. */
static apr_status_t find_thread(secsession_background_t *background)
{
    apr_status_t status = APR_SUCCESS;

    if (background->running < THREADS
        && background->running - background->busy
               < background->to_open + (background->to_cancel != NULL)) {
        status = secsession_threads_start(background->threads, run, background);
        background->running += status == APR_SUCCESS;
    }
    if (background->running > 0 && write(background->wake[1], "", 1) < 0) {
        return APR_SUCCESS; /* so many are awaited already that the pipe is full */
    }
    return background->running > 0 ? APR_SUCCESS : status;
}

apr_status_t secsession_background_open(secsession_background_t *background)
{
    apr_status_t status;

    apr_thread_mutex_lock(background->mutex);
    background->to_open++;
    status = find_thread(background);
    if (status != APR_SUCCESS) {
        background->to_open--;
    }
    apr_thread_mutex_unlock(background->mutex);
    return status;
}

apr_status_t secsession_background_cancel(secsession_background_t *background,
                                          secsession_connection_t *connection)
{
    apr_status_t status;

    apr_thread_mutex_lock(background->mutex);
    connection->next = background->to_cancel;
    background->to_cancel = connection;
    status = find_thread(background);
    if (status != APR_SUCCESS) {
        background->to_cancel = connection->next;
    }
    apr_thread_mutex_unlock(background->mutex);
    return status;
}
