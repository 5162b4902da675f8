/* The connections of one child to one database: opened in the background when needed, held for one
 * statement, closed when idle for a minute. Threads wait for one until their deadline and no
 * longer; one that comes later is kept for the next.
 *
 * There are never more than `max` of them, and the server has never more processes for this child:
 * a connection whose statement was given up counts until the server has answered, or the connection
 * is lost. Only one that is silent for a minute although its statement was cancelled is closed.
 *
 * mod_dbd's own pool is not used: it makes waiters wait without end, opens connections one after
 * the other under a lock, and shares its connections with modules that hold them for a whole
 * request, such as mod_authn_dbd.
 */
#ifndef SECSESSION_POOL_H
#define SECSESSION_POOL_H

#include "store/connection.h"

typedef struct secsession_pool_t secsession_pool_t;

typedef enum {
    SECSESSION_POOL_READY,
    SECSESSION_POOL_UNREACHABLE, /* no connection could be made; *error says why */
    SECSESSION_POOL_BUSY,        /* all are in use, and none came back until the deadline */
    SECSESSION_POOL_HANGING      /* the database does not answer, and another thread is trying */
} secsession_pool_state_t;

/* Makes the pool of the child that ends with `child`, as its connections do. */
apr_status_t secsession_pool_create(secsession_pool_t **connections, apr_pool_t *child,
                                    const apr_dbd_driver_t *driver, const char *params, int max,
                                    const secsession_sink_t *sink);

/* Takes a connection that seems alive. `is_for_change`: for a statement whose COMMIT may have to
 * wait, for a standby for example. A quarter of the connections, and at least one of several, is
 * never used for those, so that look-ups go on. `scratch` is for *error. */
secsession_pool_state_t secsession_pool_acquire(secsession_pool_t *connections, int is_for_change,
                                                apr_time_t deadline, apr_pool_t *scratch,
                                                secsession_connection_t **connection,
                                                const char **error);

/* Puts a connection back after `execution` on it: kept; closed when it is lost; or its statement is
 * cancelled when it had no answer. */
void secsession_pool_release(secsession_pool_t *connections, secsession_connection_t *connection,
                             secsession_execution_t execution);

#endif
