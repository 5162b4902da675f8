/* The one connection of a server that listens for what must be asked again. It tells the cache,
 * extends the lease by that, and tells the database which sessions were used. The feed says when it
 * is a child's turn to listen. Not for two threads at once.
 */
#ifndef SECSESSION_LISTENER_H
#define SECSESSION_LISTENER_H

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

/* In `pool`. The child ends when something can be read from `interrupt`. */
apr_status_t secsession_listener_create(secsession_listener_t **listener, apr_pool_t *pool,
                                        const secsession_listener_config_t *config, int interrupt);

/* Whether the child ends, or only finishes its requests. */
int secsession_listener_is_stopping(const secsession_listener_t *listener);

/* Listens until the connection is lost or the child is stopping. Whether it is worth trying again
 * at once. */
int secsession_listener_serve(secsession_listener_t *listener);

#endif
