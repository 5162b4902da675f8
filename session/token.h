/* Tokens: made, recognised, hashed. A token is 32 bytes of the kernel's CSPRNG, which only the
 * browser keeps; the database and the cache know their SHA-256 alone (OWASP ASVS 5.0 7.2.3,
 * 11.5.1). With keys it has a tag behind them: the number of a key and 120 bits of a MAC by that
 * key, so that nobody else can make a token that is worth looking up.
 */
#ifndef SECSESSION_TOKEN_H
#define SECSESSION_TOKEN_H

#include <apr_pools.h>

#include "session/keys.h"

#define SECSESSION_TOKEN_BYTES 32
#define SECSESSION_TOKEN_CHARS 43  /* base64url of 32 bytes, without padding (RFC 4648, 5) */
#define SECSESSION_TAGGED_CHARS 64 /* of 48 bytes: with a tag */
#define SECSESSION_TOKEN_SIZE (SECSESSION_TAGGED_CHARS + 1)
#define SECSESSION_HASH_BYTES 32

typedef struct {
    unsigned char bytes[SECSESSION_HASH_BYTES];
} secsession_hash_t;

/* Makes a token: `text` gets its characters and a NUL, `hash` its hash. With `keys` its tag is by
 * the first; NULL: it has none. APR_EGENERAL if the kernel or libcrypto fails; nothing may then be
 * used. */
apr_status_t secsession_token_make(const secsession_keys_t *keys, char text[SECSESSION_TOKEN_SIZE],
                                   secsession_hash_t *hash);

/* Hashes the token written in `text` (`length` bytes, not necessarily NUL-terminated).
 * APR_EINVAL if it is not 43 base64url characters, or with keys 64, in the one form that encodes 32
 * or 48 bytes; APR_EMISMATCH if it has no tag that one of `keys` has made; APR_EGENERAL if
 * libcrypto fails. The work does not depend on which characters they are, except for the number of
 * the key. */
apr_status_t secsession_token_hash(const secsession_keys_t *keys, const char *text,
                                   apr_size_t length, secsession_hash_t *hash);

/* The token that was hashed last, by which keys, and its hash; all zero at first. Whoever keeps one
 * must OPENSSL_cleanse it. */
typedef struct {
    const secsession_keys_t *keys;
    apr_size_t length;
    char text[SECSESSION_TAGGED_CHARS];
    secsession_hash_t hash;
} secsession_known_token_t;

/* As secsession_token_hash, but without the work if the text is the known token, which the same
 * keys have accepted; if it is another token, that one is known from then on. */
apr_status_t secsession_token_hash_known(const secsession_keys_t *keys, const char *text,
                                         apr_size_t length, secsession_known_token_t *known,
                                         secsession_hash_t *hash);

#endif
