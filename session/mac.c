/* HMAC by libcrypto, with a context for each thread. */
#include "session/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <threads.h>

/* A request may need one, and making a context takes longer than the MAC itself; so does giving it
 * another key, which is why it remembers the last. */
typedef struct {
    EVP_MAC_CTX *hmac;
    int has_key;
    unsigned char key[SECSESSION_KEY_BYTES];
} context_t;

static tss_t contexts;
static int can_keep_contexts;

static void free_context(void *data)
{
    context_t *context = data;

    if (context) {
        EVP_MAC_CTX_free(context->hmac);
        OPENSSL_clear_free(context, sizeof(*context));
    }
}

static void prepare_contexts(void)
{
    can_keep_contexts = tss_create(&contexts, free_context) == thrd_success;
}

static EVP_MAC_CTX *make_hmac(void)
{
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;

    if (hmac && EVP_MAC_CTX_set_params(hmac, parameters) != 1) {
        EVP_MAC_CTX_free(hmac);
        hmac = NULL;
    }
    EVP_MAC_free(mac);
    return hmac;
}

static context_t *make_context(void)
{
    context_t *context = OPENSSL_zalloc(sizeof(*context));

    if (context) {
        context->hmac = make_hmac();
    }
    if (context == NULL || context->hmac == NULL || tss_set(contexts, context) != thrd_success) {
        free_context(context);
        return NULL;
    }
    return context;
}

static context_t *context_of_thread(void)
{
    static once_flag once = ONCE_FLAG_INIT;
    context_t *context;

    call_once(&once, prepare_contexts);
    if (!can_keep_contexts) {
        return NULL;
    }
    context = tss_get(contexts);
    return context ? context : make_context();
}

/* Begins a MAC with the key, which may be that of the MAC before. */
static int begin(context_t *context, const unsigned char *key)
{
    if (context->has_key && CRYPTO_memcmp(context->key, key, SECSESSION_KEY_BYTES) == 0) {
        return EVP_MAC_init(context->hmac, NULL, 0, NULL) == 1;
    }
    context->has_key = EVP_MAC_init(context->hmac, key, SECSESSION_KEY_BYTES, NULL) == 1;
    memcpy(context->key, key, SECSESSION_KEY_BYTES);
    return context->has_key;
}

apr_status_t secsession_mac(const unsigned char *key, const void *bytes, apr_size_t length,
                            unsigned char mac[SECSESSION_MAC_BYTES])
{
    context_t *context = context_of_thread();
    size_t made = 0;

    return context && begin(context, key) && EVP_MAC_update(context->hmac, bytes, length) == 1
                   && EVP_MAC_final(context->hmac, mac, &made, SECSESSION_MAC_BYTES) == 1
                   && made == SECSESSION_MAC_BYTES
               ? APR_SUCCESS
               : APR_EGENERAL;
}
