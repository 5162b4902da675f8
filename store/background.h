/* What a child does with connections that may take long, in threads of its own, so that no request
 * waits for it beyond its deadline: opening one (looking up the host's name cannot be interrupted,
 * and a host that is silent is given up only after connect_timeout), and cancelling a statement
 * that a request has given up. The threads are started when they are needed first.
 */
#ifndef SECSESSION_BACKGROUND_H
#define SECSESSION_BACKGROUND_H

#include "store/connection.h"

typedef struct secsession_background_t secsession_background_t;

/* Who is told of the results, by a thread of the background, and how connections are opened. */
typedef struct {
    const apr_dbd_driver_t *driver;
    const char *params;
    const secsession_sink_t *sink;
    void *data; /* for the two functions; lives as long as the process */
    /* A connection, or NULL and why; `begin` is when the attempt began. */
    void (*opened)(void *data, secsession_connection_t *connection, const char *error,
                   apr_time_t begin);
    /* What has become of the statement: see secsession_connection_settle(). */
    void (*cancelled)(void *data, secsession_connection_t *connection,
                      secsession_execution_t execution);
} secsession_background_config_t;

/* For the child whose pool it is. What it makes lives as long as the process, as do its threads if
 * they are busy when the child ends. */
apr_status_t secsession_background_create(secsession_background_t **background, apr_pool_t *child,
                                          const secsession_background_config_t *config);

/* Asks for one more connection, or for a statement to be cancelled. After APR_SUCCESS the result is
 * told once, unless the child ends before; else nothing is done. */
apr_status_t secsession_background_open(secsession_background_t *background);
apr_status_t secsession_background_cancel(secsession_background_t *background,
                                          secsession_connection_t *connection);

#endif
