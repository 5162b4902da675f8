/* A claim as bytes, of which no two claims have the same, and the MAC of them. */
#include "session/claim.h"

#include <openssl/crypto.h>
#include <string.h>

#include "session/mac.h"

#define MOMENT_BYTES 8

static unsigned char *put(unsigned char *at, const void *bytes, apr_size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* With its NUL, so that one text cannot go on in the next. */
static unsigned char *put_text(unsigned char *at, const char *text)
{
    return put(at, text, strlen(text) + 1);
}

static unsigned char *put_moment(unsigned char *at, apr_int64_t moment)
{
    for (int i = MOMENT_BYTES - 1; i >= 0; i--) {
        *at++ = (unsigned char)((apr_uint64_t)moment >> 8 * i);
    }
    return at;
}

/* The token's hash, the id and the realm; and, of a user, the name, the method and the moment. */
static const unsigned char *encode(apr_pool_t *pool, const secsession_claim_t *claim,
                                   apr_size_t *length)
{
    apr_size_t most = SECSESSION_HASH_BYTES + strlen(claim->id) + strlen(claim->realm) + 2
                      + (claim->user ? strlen(claim->user) + strlen(claim->method) + 2 : 0)
                      + MOMENT_BYTES;
    unsigned char *bytes = apr_palloc(pool, most), *at = bytes;

    at = put(at, claim->token->bytes, SECSESSION_HASH_BYTES);
    at = put_text(at, claim->id);
    at = put_text(at, claim->realm);
    if (claim->user) {
        at = put_text(at, claim->user);
        at = put_text(at, claim->method);
        at = put_moment(at, apr_time_sec(claim->authenticated_at));
    }
    *length = (apr_size_t)(at - bytes);
    return bytes;
}

static apr_status_t mac_of(apr_pool_t *pool, const unsigned char *key,
                           const secsession_claim_t *claim, unsigned char mac[SECSESSION_MAC_BYTES])
{
    apr_size_t length;
    const unsigned char *bytes = encode(pool, claim, &length);

    return secsession_mac(key, bytes, length, mac);
}

apr_status_t secsession_claim_sign(apr_pool_t *pool, const secsession_keys_t *keys,
                                   const secsession_claim_t *claim,
                                   unsigned char mac[SECSESSION_CLAIM_BYTES])
{
    unsigned char number = secsession_keys_first(keys), made[SECSESSION_MAC_BYTES];
    apr_status_t status = mac_of(pool, secsession_keys_find(keys, number), claim, made);

    if (status == APR_SUCCESS) {
        mac[0] = number;
        memcpy(mac + 1, made, SECSESSION_CLAIM_BYTES - 1);
    }
    return status;
}

apr_status_t secsession_claim_check(apr_pool_t *pool, const secsession_keys_t *keys,
                                    const secsession_claim_t *claim, const unsigned char *mac)
{
    const unsigned char *key = mac ? secsession_keys_find(keys, mac[0]) : NULL;
    unsigned char made[SECSESSION_MAC_BYTES];
    apr_status_t status = key ? mac_of(pool, key, claim, made) : APR_EMISMATCH;

    if (status == APR_SUCCESS && CRYPTO_memcmp(mac + 1, made, SECSESSION_CLAIM_BYTES - 1) != 0) {
        status = APR_EMISMATCH;
    }
    return status;
}
