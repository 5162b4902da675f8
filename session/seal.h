/* Sealing what the database keeps but shall not read: AES-256-GCM (NIST SP 800-38D) with keys from
 * a file that only httpd can read. A seal is the key's number (1 to 255), a nonce of 12 random
 * bytes, the ciphertext, and a tag of 16 bytes; without keys, a byte 0 and the text itself.
 */
#ifndef SECSESSION_SEAL_H
#define SECSESSION_SEAL_H

#include <apr_pools.h>

#define SECSESSION_SEAL_OVERHEAD 29

typedef struct secsession_keys_t secsession_keys_t;

/* Reads a file of keys: lines "NUMBER BASE64" of 1 to 255 and 32 bytes, empty ones, and comments
 * after a "#". The first key seals; all open. NULL, or what is wrong, in `pool`. */
const char *secsession_keys_read(apr_pool_t *pool, const char *path, secsession_keys_t **keys);

/* Seals a text for `place` (it opens nowhere else), with the first of `keys`; NULL keys seal
 * nothing. APR_EGENERAL if libcrypto or the kernel fails. */
apr_status_t secsession_seal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                             const char *text, const unsigned char **seal, apr_size_t *length);

/* Opens a seal: the text, NUL-terminated, in `pool`; NULL if it was not sealed with one of `keys`
 * for that place, or was changed. */
const char *secsession_unseal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                              const unsigned char *seal, apr_size_t length);

#endif
