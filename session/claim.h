/* What says whose a session is, and the MAC of it that is stored in the session's row: whoever can
 * write the row, but has no keys, can make no other claim of it.
 */
#ifndef SECSESSION_CLAIM_H
#define SECSESSION_CLAIM_H

#include <apr_pools.h>

#include "session/keys.h"
#include "session/token.h"

#define SECSESSION_CLAIM_BYTES 17 /* the number of a key, and 128 bits of a MAC by it */

/* That this token is of this session, and this session of this user. */
typedef struct {
    const secsession_hash_t *token;
    const char *id;
    const char *realm;
    const char *user; /* NULL: of nobody yet; then the next two do not count */
    const char *method;
    apr_int64_t authenticated_at; /* microseconds since 1970; claimed to the second */
} secsession_claim_t;

/* Makes the MAC of a claim with the first of `keys`. APR_EGENERAL if libcrypto fails. */
apr_status_t secsession_claim_sign(apr_pool_t *pool, const secsession_keys_t *keys,
                                   const secsession_claim_t *claim,
                                   unsigned char mac[SECSESSION_CLAIM_BYTES]);

/* Compares a MAC of SECSESSION_CLAIM_BYTES, or NULL, with that of a claim. APR_EMISMATCH: none of
 * `keys` has made it of this claim. APR_EGENERAL if libcrypto fails. */
apr_status_t secsession_claim_check(apr_pool_t *pool, const secsession_keys_t *keys,
                                    const secsession_claim_t *claim, const unsigned char *mac);

#endif
