/* The requests of a child that are under way with a session. As long as one is, its session is in
 * use, and its end is the last use: the database is told of it, at most once in a share of the idle
 * timeout, so that neither this server nor another takes the session for idle. A request that is
 * over before that costs no SQL where there is a cache.
 */
#ifndef SECSESSION_RUNNING_H
#define SECSESSION_RUNNING_H

#include <apr_pools.h>

#include "session/session.h"
#include "session/token.h"
#include "store/cache.h"
#include "store/dbd.h"

typedef struct secsession_running_t secsession_running_t;

/* For a child; it lives as long as the process. `cache` may be NULL. The error with which APR could
 * not make a pool or a mutex. */
apr_status_t secsession_running_create(secsession_running_t **running, secsession_cache_t *cache);

/* A request is under way until `request`, its pool, ends: a use of a live session that its token
 * was looked up as. */
void secsession_running_add(secsession_running_t *running, apr_pool_t *request,
                            const secsession_hash_t *token, const secsession_session_t *session,
                            const secsession_visit_t *visit);

/* Tells the database of the uses that it is to know of now; to be called about every second. */
void secsession_running_tell(secsession_running_t *running, apr_pool_t *scratch,
                             secsession_dbd_t *dbd);

#endif
