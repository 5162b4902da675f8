/* Tokens: made, recognised, hashed. A token is 32 bytes of the kernel's CSPRNG, which only the
 * browser keeps; the database and the cache know its SHA-256 alone (OWASP ASVS 5.0 7.2.3, 11.5.1).
 */
#ifndef SECSESSION_TOKEN_H
#define SECSESSION_TOKEN_H

#include <apr_pools.h>

#define SECSESSION_TOKEN_BYTES 32
#define SECSESSION_TOKEN_CHARS 43 /* base64url of 32 bytes, without padding (RFC 4648, 5) */
#define SECSESSION_HASH_BYTES 32

typedef struct {
    unsigned char bytes[SECSESSION_HASH_BYTES];
} secsession_hash_t;

/* Makes a token: `text` gets its 43 characters and a NUL, `hash` its hash. APR_EGENERAL if the
 * kernel or libcrypto fails; nothing may then be used. */
apr_status_t secsession_token_make(char text[SECSESSION_TOKEN_CHARS + 1], secsession_hash_t *hash);

/* Hashes the token written in `text` (`length` bytes, not necessarily NUL-terminated).
 * APR_EINVAL if it is not 43 base64url characters in the one form that encodes 32 bytes;
 * APR_EGENERAL if libcrypto fails. The work does not depend on which characters they are. */
apr_status_t secsession_token_hash(const char *text, apr_size_t length, secsession_hash_t *hash);

/* The token that was hashed last, and its hash; all zero at first. Whoever keeps one must
 * OPENSSL_cleanse it. */
typedef struct {
    char text[SECSESSION_TOKEN_CHARS];
    secsession_hash_t hash;
} secsession_known_token_t;

/* As secsession_token_hash, but without the work if the text is the known token; if it is another
 * token, that one is known from then on. */
apr_status_t secsession_token_hash_known(const char *text, apr_size_t length,
                                         secsession_known_token_t *known, secsession_hash_t *hash);

#endif
