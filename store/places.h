/* What a pool of connections consists of: for pool.c and acquire.c alone. */
#ifndef SECSESSION_PLACES_H
#define SECSESSION_PLACES_H

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "store/background.h"

/* A connection that was used less than so long ago is taken to be alive. */
#define SECSESSION_TRUSTED_FOR apr_time_from_sec(1)
/* One that was given up is closed if it has had no answer for so long. */
#define SECSESSION_GIVEN_UP_FOR apr_time_from_sec(60)

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

/* Without the mutex: notes what has become of a statement that was given up. `data` is the pool. */
void secsession_pool_settled(void *data, secsession_connection_t *connection,
                             secsession_execution_t execution);

#endif
