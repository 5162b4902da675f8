/* Look-ups of one child in the database. Those that come while others are under way wait for them
 * and are then asked together, in one statement: the more there are, the less each costs.
 */
#ifndef SECSESSION_LOOKUPS_H
#define SECSESSION_LOOKUPS_H

#include <apr_pools.h>

#include "session/client.h"
#include "session/session.h"
#include "session/token.h"
#include "store/dbd.h"

typedef struct secsession_lookups_t secsession_lookups_t;

/* What is asked of one token. */
typedef struct {
    const secsession_hash_t *token;
    const char *realm;
    const secsession_visit_t *visit;
    const secsession_client_t *client;
} secsession_question_t;

/* For the child whose pool it is. The error with which APR could not make a mutex or a
 * condition. */
apr_status_t secsession_lookups_create(secsession_lookups_t **lookups, apr_pool_t *pool,
                                       secsession_dbd_t *dbd);

/* Looks a token up in the database, with the outcomes of secsession_store_lookup. The answer is
 * never older than this call. *session, where there is one, lives in `pool`. */
secsession_outcome_t secsession_lookups_ask(secsession_lookups_t *lookups, apr_pool_t *pool,
                                            const secsession_question_t *question,
                                            const secsession_session_t **session);

#endif
