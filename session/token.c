/* base64url and SHA-256 of tokens, in constant time where a token that was presented is read. */
#include "session/token.h"

#include <apr_errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>
#include <threads.h>

/* 43 characters are 11 groups of four, of which the last is not full; padded to whole vectors. */
#define PADDED 48

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A context for each thread, freed when the thread ends. Every request needs a digest, and making a
 * context and looking SHA-256 up in libcrypto's tables takes longer than the digest itself. */
static tss_t contexts;
static int can_keep_contexts;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void prepare_contexts(void)
{
    can_keep_contexts = tss_create(&contexts, free_context) == thrd_success;
}

static EVP_MD_CTX *make_context(void)
{
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (sha256 == NULL || context == NULL || EVP_DigestInit_ex(context, sha256, NULL) != 1
        || tss_set(contexts, context) != thrd_success) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    EVP_MD_free(sha256);
    return context;
}

static EVP_MD_CTX *context_of_thread(void)
{
    static once_flag once = ONCE_FLAG_INIT;
    EVP_MD_CTX *context;

    call_once(&once, prepare_contexts);
    if (!can_keep_contexts) {
        return NULL;
    }
    context = tss_get(contexts);
    return context ? context : make_context();
}

static apr_status_t digest(const unsigned char token[SECSESSION_TOKEN_BYTES],
                           secsession_hash_t *hash)
{
    EVP_MD_CTX *context = context_of_thread();
    unsigned int length = 0;

    if (context == NULL || EVP_DigestInit_ex(context, NULL, NULL) != 1
        || EVP_DigestUpdate(context, token, SECSESSION_TOKEN_BYTES) != 1
        || EVP_DigestFinal_ex(context, hash->bytes, &length) != 1
        || length != SECSESSION_HASH_BYTES) {
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

/* 32 bytes are 10 groups of three and one of two: 40 characters and 3. */
static void encode(const unsigned char token[SECSESSION_TOKEN_BYTES],
                   char text[SECSESSION_TOKEN_CHARS + 1])
{
    unsigned int bits = 0, held = 0, out = 0;

    for (unsigned int in = 0; in < SECSESSION_TOKEN_BYTES; in++) {
        bits = (bits << 8) | token[in];
        for (held += 8; held >= 6; held -= 6) {
            text[out++] = ALPHABET[(bits >> (held - 6)) & 63];
        }
    }
    text[out++] = ALPHABET[(bits << (6 - held)) & 63];
    text[out] = '\0';
}

/* All bits set if low <= c <= high, else none, without a branch on c. */
static apr_uint16_t between(apr_uint16_t c, apr_uint16_t low, apr_uint16_t high)
{
    return (apr_uint16_t)(0 - (((low - 1 - c) & (c - high - 1)) >> 15 & 1));
}

/* The values of PADDED base64url characters; returns 0 if all are such characters. No branch and no
 * table look-up depends on a character, so that the time it takes discloses nothing. The length is
 * fixed and the numbers have 16 bits so that compilers turn the loop into vector instructions. */
static apr_uint16_t values_of(const unsigned char text[PADDED], apr_uint16_t values[PADDED])
{
    apr_uint16_t wrong = 0;

    for (int i = 0; i < PADDED; i++) {
        apr_uint16_t c = text[i];
        apr_uint16_t upper = between(c, 'A', 'Z'), lower = between(c, 'a', 'z');
        apr_uint16_t digit = between(c, '0', '9'), minus = between(c, '-', '-');
        apr_uint16_t under = between(c, '_', '_');

        values[i] = (apr_uint16_t)((upper & (c - 'A')) | (lower & (c - 'a' + 26))
                                   | (digit & (c - '0' + 52)) | (minus & 62) | (under & 63));
        wrong |= (apr_uint16_t) ~(upper | lower | digit | minus | under);
    }
    return wrong;
}

/* Whether the text is a token. The two bits beyond byte 32 must be 0: else four texts would be the
 * same token. */
static int decode(const char *text, unsigned char token[SECSESSION_TOKEN_BYTES + 1])
{
    unsigned char padded[PADDED] = { 0 };
    apr_uint16_t values[PADDED], wrong;

    memset(padded + SECSESSION_TOKEN_CHARS, 'A', PADDED - SECSESSION_TOKEN_CHARS);
    memcpy(padded, text, SECSESSION_TOKEN_CHARS);
    wrong = values_of(padded, values);
    for (apr_size_t group = 0; group * 3 <= SECSESSION_TOKEN_BYTES; group++) {
        const apr_uint16_t *value = values + group * 4;
        unsigned int bits = (unsigned int)value[0] << 18 | (unsigned int)value[1] << 12
                            | (unsigned int)value[2] << 6 | value[3];

        token[group * 3] = (unsigned char)(bits >> 16);
        token[group * 3 + 1] = (unsigned char)(bits >> 8);
        token[group * 3 + 2] = (unsigned char)bits;
    }
    OPENSSL_cleanse(padded, sizeof(padded));
    OPENSSL_cleanse(values, sizeof(values));
    return (wrong | token[SECSESSION_TOKEN_BYTES]) == 0;
}

apr_status_t secsession_token_make(char text[SECSESSION_TOKEN_CHARS + 1], secsession_hash_t *hash)
{
    unsigned char token[SECSESSION_TOKEN_BYTES];
    apr_status_t status = APR_EGENERAL;

    if (getrandom(token, sizeof(token), 0) == (ssize_t)sizeof(token)) {
        status = digest(token, hash);
    }
    if (status == APR_SUCCESS) {
        encode(token, text);
    }
    OPENSSL_cleanse(token, sizeof(token));
    return status;
}

apr_status_t secsession_token_hash(const char *text, apr_size_t length, secsession_hash_t *hash)
{
    unsigned char token[SECSESSION_TOKEN_BYTES + 1];
    apr_status_t status;

    if (length != SECSESSION_TOKEN_CHARS) {
        return APR_EINVAL;
    }
    status = decode(text, token) ? digest(token, hash) : APR_EINVAL;
    OPENSSL_cleanse(token, sizeof(token));
    return status;
}

/* Whether the text is the token that is known. No branch depends on where the two differ. Compares
 * eight characters at a time; the last eight overlap with those before. */
static int is_known(const char *text, const secsession_known_token_t *known)
{
    apr_uint64_t one, other, differs = 0;

    for (apr_size_t i = 0; i < SECSESSION_TOKEN_CHARS; i += sizeof(one)) {
        apr_size_t at = i + sizeof(one) > SECSESSION_TOKEN_CHARS
                            ? SECSESSION_TOKEN_CHARS - sizeof(one)
                            : i;

        memcpy(&one, text + at, sizeof(one));
        memcpy(&other, known->text + at, sizeof(other));
        differs |= one ^ other;
    }
    return differs == 0 && *text != '\0';
}

apr_status_t secsession_token_hash_known(const char *text, apr_size_t length,
                                         secsession_known_token_t *known, secsession_hash_t *hash)
{
    if (length != SECSESSION_TOKEN_CHARS || !is_known(text, known)) {
        apr_status_t status = secsession_token_hash(text, length, &known->hash);

        if (status != APR_SUCCESS) {
            OPENSSL_cleanse(known, sizeof(*known)); /* half of it may have been written */
            return status;
        }
        memcpy(known->text, text, SECSESSION_TOKEN_CHARS);
    }
    *hash = known->hash;
    return APR_SUCCESS;
}
