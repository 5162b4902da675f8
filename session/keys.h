/* The keys of a site: read from a file that only httpd can read, and never used themselves. Each
 * purpose has keys of its own, which are derived from them by HKDF with SHA-256 (RFC 5869), so that
 * what is made for one purpose is worth nothing for another.
 */
#ifndef SECSESSION_KEYS_H
#define SECSESSION_KEYS_H

#include <apr_pools.h>

#define SECSESSION_KEY_BYTES 32
#define SECSESSION_PURPOSE_BYTES 1024

/* Up to 255 keys, each with its number; wiped when their pool is. */
typedef struct secsession_keys_t secsession_keys_t;

/* Reads a file of keys: lines "NUMBER BASE64" of 1 to 255 and 32 bytes, empty ones, and comments
 * after a "#". The first key makes; all are accepted. NULL, or what is wrong, in `pool`. */
const char *secsession_keys_read(apr_pool_t *pool, const char *path, secsession_keys_t **keys);

/* This key alone, as number 1. */
secsession_keys_t *secsession_keys_of(apr_pool_t *pool,
                                      const unsigned char key[SECSESSION_KEY_BYTES]);

/* The keys for a purpose of at most SECSESSION_PURPOSE_BYTES, with the same numbers; NULL if
 * libcrypto fails or the purpose is longer. */
secsession_keys_t *secsession_keys_derive(apr_pool_t *pool, const secsession_keys_t *keys,
                                          const char *purpose);

/* The number of the key that makes. */
unsigned char secsession_keys_first(const secsession_keys_t *keys);

/* The SECSESSION_KEY_BYTES of the key with this number, or NULL if there is none. */
const unsigned char *secsession_keys_find(const secsession_keys_t *keys, unsigned char number);

#endif
