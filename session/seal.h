/* Sealing what the database keeps but shall not read: AES-256-GCM (NIST SP 800-38D) with keys
 * that the database does not have. A seal is the key's number (1 to 255), a nonce of 12 random
 * bytes, the ciphertext, and a tag of 16 bytes; without keys, a byte 0 and the text itself.
 */
#ifndef SECSESSION_SEAL_H
#define SECSESSION_SEAL_H

#include "session/keys.h"

#define SECSESSION_SEAL_OVERHEAD 29

/* Seals a text for `place` (it opens nowhere else), with the first of `keys`; NULL keys seal
 * nothing. APR_EGENERAL if libcrypto or the kernel fails. */
apr_status_t secsession_seal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                             const char *text, const unsigned char **seal, apr_size_t *length);

/* Opens a seal: the text, NUL-terminated, in `pool`; NULL if it was not sealed with one of `keys`
 * for that place, or was changed. */
const char *secsession_unseal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                              const unsigned char *seal, apr_size_t length);

#endif
