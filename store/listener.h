/* The one connection of a server that listens for what must be asked again. It tells the cache,
 * extends the lease by that, and tells the database which sessions were used. The feed says when it
 * is a child's turn to listen. Not for two threads at once.
 */
#ifndef SECSESSION_LISTENER_H
#define SECSESSION_LISTENER_H

#include "store/listening.h"

/* In `pool`. The child ends when something can be read from `interrupt`. */
apr_status_t secsession_listener_create(secsession_listener_t **listener, apr_pool_t *pool,
                                        const secsession_listener_config_t *config, int interrupt);

/* Listens until the connection is lost or the child is stopping. Whether it is worth trying again
 * at once. */
int secsession_listener_serve(secsession_listener_t *listener);

#endif
