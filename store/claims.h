/* The claims of sessions (session/claim.h), where there are SecSessionKeys: httpd signs what it has
 * made, and believes nothing else of what the database tells.
 */
#ifndef SECSESSION_CLAIMS_H
#define SECSESSION_CLAIMS_H

#include <apr_uuid.h>

#include "session/claim.h"
#include "store/parts.h"

/* Checks the session that the database tells of a token, with the outcome SECSESSION_LIVE or
 * SECSESSION_ANONYMOUS, which is returned if there are no keys, or if they have signed it. Else
 * SECSESSION_UNKNOWN, or SECSESSION_UNAVAILABLE if libcrypto fails; *session is then NULL, and the
 * log tells. */
secsession_outcome_t secsession_claims_check(struct secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm,
                                             secsession_outcome_t outcome,
                                             const secsession_session_t **session);

/* Signs a claim: SECSESSION_CLAIM_BYTES in `pool`, or NULL if libcrypto fails, which is logged. */
const unsigned char *secsession_claims_sign(struct secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_claim_t *claim);

/* The id for a new session, a random UUID: what is signed before the database knows of it must have
 * one. Whether the kernel had random bytes; logged. */
int secsession_claims_make_id(struct secsession_store_t *store,
                              char id[APR_UUID_FORMATTED_LENGTH + 1]);

/* The id for the session of a visitor, which follows from its token: so requests that come at once
 * begin the same session. Whether libcrypto made it; logged. */
int secsession_claims_id_of(struct secsession_store_t *store, apr_pool_t *pool,
                            const secsession_hash_t *token, const char *realm,
                            char id[APR_UUID_FORMATTED_LENGTH + 1]);

/* Logs that the database has answered with another session than was asked for. */
void secsession_claims_log_other(struct secsession_store_t *store,
                                 const secsession_session_t *session);

#endif
