/* How the threads of a child start, and how they end before it does. */
#include "store/threads.h"

#include <apr_thread_proc.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "store/connection.h"

#define STOP_WITHIN apr_time_from_msec(1200)

typedef struct thread_t {
    secsession_threads_t *threads;
    secsession_thread_run_t run;
    void *data;
    apr_thread_t *itself;
    atomic_int has_ended; /* or has only to return */
    struct thread_t *next;
} thread_t;

/* Its memory lives as long as the process, as that of the threads does. */
struct secsession_threads_t {
    _Atomic(thread_t *) first;
    int stop[2]; /* pipes: what can be read says that the threads shall end, or that one has */
    int done[2];
};

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

static int are_running(const secsession_threads_t *threads)
{
    for (thread_t *thread = threads->first; thread; thread = thread->next) {
        if (!thread->has_ended) {
            return 1;
        }
    }
    return 0;
}

/* Waits without a lock, since the children of prefork end in a signal handler; and until a thread
 * has run its last instruction, since the module may be unloaded next. */
static apr_status_t stop(void *data)
{
    secsession_threads_t *threads = data;
    apr_time_t until = secsession_monotonic() + STOP_WITHIN;
    apr_time_t left = STOP_WITHIN;
    apr_status_t ended;
    char one;

    say(threads->stop[1]);
    while (left > 0 && are_running(threads)) {
        if (wait_for(threads->done[0], left) && read(threads->done[0], &one, 1) < 0) {
            break;
        }
        left = until - secsession_monotonic();
    }
    for (thread_t *thread = threads->first; thread; thread = thread->next) {
        if (thread->has_ended) {
            apr_thread_join(&ended, thread->itself);
        }
    }
    return APR_SUCCESS;
}

apr_status_t secsession_threads_create(secsession_threads_t **result, apr_pool_t *child)
{
    static const char key[] = "mod_secsession threads";
    secsession_threads_t *threads;
    apr_pool_t *pool;
    apr_status_t status;
    void *found = NULL;

    apr_pool_userdata_get(&found, key, child);
    *result = found;
    if (found) {
        return APR_SUCCESS;
    }
    status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (status != APR_SUCCESS) {
        return status;
    }
    threads = apr_pcalloc(pool, sizeof(*threads));
    if (pipe2(threads->stop, O_CLOEXEC) != 0 || pipe2(threads->done, O_CLOEXEC) != 0) {
        return apr_get_os_error();
    }
    apr_pool_pre_cleanup_register(child, threads, stop);
    *result = threads;
    return apr_pool_userdata_setn(threads, key, NULL, child);
}

static void *APR_THREAD_FUNC run(apr_thread_t *self, void *data)
{
    thread_t *thread = data;

    thread->run(thread->data);
    thread->has_ended = 1;
    say(thread->threads->done[1]);
    return NULL;
}

apr_status_t secsession_threads_start(secsession_threads_t *threads, secsession_thread_run_t run_it,
                                      void *data)
{
    thread_t *thread;
    sigset_t all, before;
    apr_pool_t *pool;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    thread = apr_pcalloc(pool, sizeof(*thread));
    thread->threads = threads;
    thread->run = run_it;
    thread->data = data;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    status = apr_thread_create(&thread->itself, NULL, run, thread, pool);
    if (status == APR_SUCCESS) {
        thread->next = threads->first;
        while (!atomic_compare_exchange_weak(&threads->first, &thread->next, thread)) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

int secsession_threads_stop(const secsession_threads_t *threads)
{
    return threads->stop[0];
}

int secsession_threads_rest(const secsession_threads_t *threads, apr_interval_time_t rest)
{
    return wait_for(threads->stop[0], rest);
}
