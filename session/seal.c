/* Sealing, and opening. */
#include "session/seal.h"

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define NONCE_BYTES 12
#define TAG_BYTES 16

static int encrypt(EVP_CIPHER_CTX *context, const unsigned char *key, const char *place,
                   const char *text, unsigned char *nonce)
{
    unsigned char *out = nonce + NONCE_BYTES;
    int length, bytes = (int)strlen(text);

    return RAND_bytes(nonce, NONCE_BYTES) == 1
           && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1
           && EVP_EncryptUpdate(context, NULL, &length, (const unsigned char *)place,
                                (int)strlen(place))
                  == 1
           && EVP_EncryptUpdate(context, out, &length, (const unsigned char *)text, bytes) == 1
           && EVP_EncryptFinal_ex(context, out + length, &length) == 1
           && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + bytes) == 1;
}

apr_status_t secsession_seal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                             const char *text, const unsigned char **seal, apr_size_t *length)
{
    apr_size_t bytes = strlen(text);
    unsigned char *made = apr_palloc(pool, bytes + SECSESSION_SEAL_OVERHEAD);
    EVP_CIPHER_CTX *context;
    int ok;

    *seal = made;
    if (keys == NULL) {
        made[0] = 0;
        memcpy(made + 1, text, bytes);
        *length = bytes + 1;
        return APR_SUCCESS;
    }
    context = EVP_CIPHER_CTX_new();
    made[0] = secsession_keys_first(keys);
    ok = context && encrypt(context, secsession_keys_find(keys, made[0]), place, text, made + 1);
    EVP_CIPHER_CTX_free(context);
    *length = bytes + SECSESSION_SEAL_OVERHEAD;
    return ok ? APR_SUCCESS : APR_EGENERAL;
}

static int decrypt(EVP_CIPHER_CTX *context, const unsigned char *key, const char *place,
                   const unsigned char *nonce, int bytes, char *text)
{
    const unsigned char *in = nonce + NONCE_BYTES;
    unsigned char tag[TAG_BYTES];
    int length;

    memcpy(tag, in + bytes, TAG_BYTES);
    return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1
           && EVP_DecryptUpdate(context, NULL, &length, (const unsigned char *)place,
                                (int)strlen(place))
                  == 1
           && EVP_DecryptUpdate(context, (unsigned char *)text, &length, in, bytes) == 1
           && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1
           && EVP_DecryptFinal_ex(context, (unsigned char *)text + length, &length) == 1;
}

const char *secsession_unseal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                              const unsigned char *seal, apr_size_t length)
{
    const unsigned char *key;
    EVP_CIPHER_CTX *context;
    char *text;
    int ok;

    /* With keys, what is not sealed was not written by a server that has them. */
    if (length < 1 || (seal[0] == 0) != (keys == NULL)) {
        return NULL;
    }
    if (keys == NULL) {
        return apr_pstrmemdup(pool, (const char *)seal + 1, length - 1);
    }
    key = secsession_keys_find(keys, seal[0]);
    if (length < SECSESSION_SEAL_OVERHEAD || key == NULL) {
        return NULL;
    }
    length -= SECSESSION_SEAL_OVERHEAD;
    text = apr_pcalloc(pool, length + 1);
    context = EVP_CIPHER_CTX_new();
    ok = context && decrypt(context, key, place, seal + 1, (int)length, text);
    EVP_CIPHER_CTX_free(context);
    return ok ? text : NULL;
}
