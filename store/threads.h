/* The threads of a child that work beside its requests: the feed, what is done in the background.
 * They take none of the signals that are meant for httpd, and end with the child.
 */
#ifndef SECSESSION_THREADS_H
#define SECSESSION_THREADS_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct secsession_threads_t secsession_threads_t;

/* What a thread does until something can be read from secsession_threads_stop(). What it uses must
 * live as long as the process, as memory of an unmanaged pool does: see below. */
typedef void (*secsession_thread_run_t)(void *data);

/* The threads of the child whose pool it is, the same ones at every call; for the hook child_init.
 * When `child` ends they are told to stop, and are waited for, all together for 1.2 s. A thread
 * that is busy for longer, since the opening of a connection cannot be interrupted, ends with the
 * process. The error with which the system could not make a pipe, or APR's. */
apr_status_t secsession_threads_create(secsession_threads_t **threads, apr_pool_t *child);

/* Starts one more. Any thread may call this. APR's error if that is not possible. */
apr_status_t secsession_threads_start(secsession_threads_t *threads, secsession_thread_run_t run,
                                      void *data);

/* A descriptor that can be read from once the child ends; nobody reads from it. */
int secsession_threads_stop(const secsession_threads_t *threads);

/* Waits so long, or until the child ends. Whether it does. */
int secsession_threads_rest(const secsession_threads_t *threads, apr_interval_time_t rest);

#endif
