/* The feed: one thread in each child of a server, of which one listens (listener.h). Which one is
 * decided by a lock that the kernel frees when its process dies.
 */
#ifndef SECSESSION_FEED_H
#define SECSESSION_FEED_H

#include "store/listener.h"

typedef struct secsession_feed_t secsession_feed_t;

/* Before the children are forked. `number` tells apart the feeds of one server. The error of
 * apr_proc_mutex_create. */
apr_status_t secsession_feed_create(secsession_feed_t **feed, apr_pool_t *pool,
                                    const secsession_listener_config_t *config, int number);

/* Starts this child's thread, which ends with `pool`: see threads.h. */
apr_status_t secsession_feed_child_init(const secsession_feed_t *feed, apr_pool_t *pool);

#endif
