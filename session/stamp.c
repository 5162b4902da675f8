/* Making and comparing stamps. */
#include "session/stamp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#define SOURCE_BYTES 8
#define KEY_BYTES 16
#define MAC_BYTES 32

static int hash_source(const char *source, unsigned char hash[EVP_MAX_MD_SIZE])
{
    return EVP_Digest(source, strlen(source), hash, NULL, EVP_sha256(), NULL) == 1;
}

static int hash_record(const unsigned char *key, const char *record,
                       unsigned char mac[EVP_MAX_MD_SIZE])
{
    return HMAC(EVP_sha256(), key, KEY_BYTES, (const unsigned char *)record, strlen(record), mac,
                NULL)
           != NULL;
}

apr_status_t secsession_stamp_make(const char *source, const char *record,
                                   secsession_stamp_t *stamp)
{
    unsigned char *key = stamp->bytes + SOURCE_BYTES;
    unsigned char hash[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE];

    if (!hash_source(source, hash) || RAND_bytes(key, KEY_BYTES) != 1
        || !hash_record(key, record, mac)) {
        return APR_EGENERAL;
    }
    memcpy(stamp->bytes, hash, SOURCE_BYTES);
    memcpy(key + KEY_BYTES, mac, MAC_BYTES);
    return APR_SUCCESS;
}

int secsession_stamp_is_from(const secsession_stamp_t *stamp, const char *source)
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    return hash_source(source, hash) && memcmp(stamp->bytes, hash, SOURCE_BYTES) == 0;
}

int secsession_stamp_fits(const secsession_stamp_t *stamp, const char *record)
{
    const unsigned char *key = stamp->bytes + SOURCE_BYTES;
    unsigned char mac[EVP_MAX_MD_SIZE];

    return record && hash_record(key, record, mac)
           && CRYPTO_memcmp(key + KEY_BYTES, mac, MAC_BYTES) == 0;
}
