/* What a listener consists of, and how it speaks to the database: for listener.c and heartbeat.c.
 */
#ifndef SECSESSION_LISTENING_H
#define SECSESSION_LISTENING_H

#include "store/cache.h"
#include "store/dbd.h"
#include "store/trouble.h"

typedef struct secsession_listener_t secsession_listener_t;

typedef struct {
    server_rec *server; /* for the log */
    secsession_dbd_t *dbd;
    const char *params; /* a libpq connection string, to listen on; NULL: the dbd's */
    apr_interval_time_t lease;
    secsession_cache_t *cache;
    secsession_trouble_t *trouble;
} secsession_listener_config_t;

/* So many uses are told at once, at most. */
#define SECSESSION_LISTENING_BATCH 1000

struct secsession_listener_t {
    secsession_listener_config_t config;
    apr_pool_t *scratch; /* cleared at every beat */
    int interrupt;
    secsession_connection_t *connection;
    secsession_key_t awaited; /* to be heard before anything is believed; 0: nothing is */
    int is_stalled;           /* the server does not answer: asking again at once is of no use */
    char *seen; /* what the last heartbeat saw, malloc'ed; NULL: nothing since LISTEN */
    apr_time_t seen_at;
    apr_size_t cursor;
    apr_size_t batch; /* so many uses at once */
    apr_time_t next_batch;
    secsession_use_t uses[SECSESSION_LISTENING_BATCH];
};

/* Whether the child ends, or only finishes its requests. */
int secsession_listening_is_stopping(const secsession_listener_t *listener);

/* Says in the log why revocations cannot be heard, unless that was said before. */
void secsession_listening_log_lost(const secsession_listener_t *listener, const char *why);

/* Runs one statement on the feed's connection. The result is the caller's to PQclear. NULL: the
 * connection is of no more use, which was logged, unless is_stalled says that there was no answer
 * until the deadline, or that the child ends: then it can be settled. */
PGresult *secsession_listening_ask(secsession_listener_t *listener, secsession_sql_t sql,
                                   const secsession_parameters_t *parameters, apr_time_t deadline);

/* Obeys every NOTIFY that has come. */
void secsession_listening_hear_all(secsession_listener_t *listener);

#endif
