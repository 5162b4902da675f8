/* What is done in the background, by one child of a server, on a connection of its own: tombstones
 * for what was revoked (secsession.sweep), and the removal of what has long ended
 * (secsession.purge). And by each child, what its requests that are under way have to tell.
 */
#ifndef SECSESSION_HOUSEKEEPER_H
#define SECSESSION_HOUSEKEEPER_H

#include "store/dbd.h"
#include "store/running.h"
#include "store/trouble.h"

typedef struct secsession_housekeeper_t secsession_housekeeper_t;

/* Before the children are forked. `number` tells apart the housekeepers of one server. The error of
 * apr_proc_mutex_create. */
apr_status_t secsession_housekeeper_create(secsession_housekeeper_t **housekeeper, apr_pool_t *pool,
                                           server_rec *server, secsession_dbd_t *dbd,
                                           secsession_trouble_t *trouble, int number);

/* Starts this child's thread, which ends with `pool`. */
apr_status_t secsession_housekeeper_child_init(const secsession_housekeeper_t *housekeeper,
                                               apr_pool_t *pool, secsession_running_t *running);

#endif
