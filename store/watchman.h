/* Sessions of which something is under way in this child: a response, an upload, a WebSocket. One
 * thread asks for all of them whether they go on, four times a second: in shared memory, and for
 * those that may have changed, or that nothing is known of without a cache, PostgreSQL, in one
 * statement however many they are. The threads of requests only read what it has found.
 */
#ifndef SECSESSION_WATCHMAN_H
#define SECSESSION_WATCHMAN_H

#include <apr_pools.h>

#include "store/dbd.h"
#include "store/vigil.h"

typedef struct secsession_watchman_t secsession_watchman_t;

/* For the child whose pool it is. APR's error. */
apr_status_t secsession_watchman_create(secsession_watchman_t **watchman, apr_pool_t *child,
                                        secsession_dbd_t *dbd,
                                        const secsession_vouchers_t *vouchers);

/* Watches a session until `pool` ends. `absolute` is the location's absolute timeout, in seconds;
 * 0: none. */
secsession_vigil_t *secsession_watchman_add(secsession_watchman_t *watchman, apr_pool_t *pool,
                                            const secsession_session_t *session, int absolute);

/* See secsession_store_goes_on() and secsession_store_at_end(). */
secsession_outcome_t secsession_watchman_outcome(secsession_vigil_t *vigil);
secsession_outcome_t secsession_watchman_at_end(secsession_vigil_t *vigil,
                                                void (*tell)(void *data, secsession_outcome_t why),
                                                void *data);

#endif
