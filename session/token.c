/* base64url, tag and SHA-256 of tokens, in constant time where a token that was presented is
 * read. */
#include "session/token.h"

#include <apr_errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>
#include <threads.h>

#include "session/mac.h"

/* With a tag a token has 48 bytes, which are 16 groups of four characters, or four whole vectors;
 * one without is padded. */
#define PADDED 64
#define WHOLE_BYTES 48
#define TAG_BYTES (WHOLE_BYTES - SECSESSION_TOKEN_BYTES - 1)

/* What the characters of a token stand for. Without keys there is no more than the secret. */
typedef struct {
    unsigned char secret[SECSESSION_TOKEN_BYTES]; /* what is hashed */
    unsigned char number;                         /* of the key */
    unsigned char tag[TAG_BYTES];                 /* the first bytes of the secret's MAC */
} token_t;

_Static_assert(sizeof(token_t) == WHOLE_BYTES, "a token has no gaps");
_Static_assert(TAG_BYTES * 8 >= 96, "nobody guesses a tag");
_Static_assert(SECSESSION_TAGGED_CHARS == PADDED, "with a tag no character is padding");

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

static apr_status_t digest(const token_t *token, secsession_hash_t *hash)
{
    EVP_MD_CTX *context = context_of_thread();
    unsigned int length = 0;

    if (context == NULL || EVP_DigestInit_ex(context, NULL, NULL) != 1
        || EVP_DigestUpdate(context, token->secret, SECSESSION_TOKEN_BYTES) != 1
        || EVP_DigestFinal_ex(context, hash->bytes, &length) != 1
        || length != SECSESSION_HASH_BYTES) {
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

/* The tag of a token's secret by the key of its number. APR_EMISMATCH: there is no such key. */
static apr_status_t tag_of(const secsession_keys_t *keys, const token_t *token,
                           unsigned char tag[TAG_BYTES])
{
    const unsigned char *key = secsession_keys_find(keys, token->number);
    unsigned char mac[SECSESSION_MAC_BYTES];
    apr_status_t status = key ? secsession_mac(key, token->secret, SECSESSION_TOKEN_BYTES, mac)
                              : APR_EMISMATCH;

    if (status == APR_SUCCESS) {
        memcpy(tag, mac, TAG_BYTES);
    }
    return status;
}

/* 32 bytes are 10 groups of three and one of two: 40 characters and 3; 48 bytes are 16 groups. */
static void encode(const unsigned char *bytes, unsigned int length, char *text)
{
    unsigned int bits = 0, held = 0, out = 0;

    for (unsigned int in = 0; in < length; in++) {
        bits = (bits << 8) | bytes[in];
        for (held += 8; held >= 6; held -= 6) {
            text[out++] = ALPHABET[(bits >> (held - 6)) & 63];
        }
    }
    if (held > 0) {
        text[out++] = ALPHABET[(bits << (6 - held)) & 63];
    }
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

/* Whether `length` characters, at most PADDED, are base64url of one spelling. What is not written
 * becomes zero; so must the two bits be that a secret without a tag does not need: else four texts
 * would be the same token. */
static int decode(const char *text, apr_size_t length, token_t *token)
{
    unsigned char padded[PADDED], bytes[WHOLE_BYTES];
    apr_uint16_t values[PADDED], wrong;

    memset(padded, 'A', sizeof(padded));
    memcpy(padded, text, length);
    wrong = values_of(padded, values);
    for (apr_size_t group = 0; group < PADDED / 4; group++) {
        const apr_uint16_t *value = values + group * 4;
        unsigned int bits = (unsigned int)value[0] << 18 | (unsigned int)value[1] << 12
                            | (unsigned int)value[2] << 6 | value[3];

        bytes[group * 3] = (unsigned char)(bits >> 16);
        bytes[group * 3 + 1] = (unsigned char)(bits >> 8);
        bytes[group * 3 + 2] = (unsigned char)bits;
    }
    memcpy(token, bytes, sizeof(bytes));
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(padded, sizeof(padded));
    OPENSSL_cleanse(values, sizeof(values));
    return wrong == 0 && (length == SECSESSION_TAGGED_CHARS || token->number == 0);
}

apr_status_t secsession_token_make(const secsession_keys_t *keys, char text[SECSESSION_TOKEN_SIZE],
                                   secsession_hash_t *hash)
{
    token_t token;
    apr_status_t status = APR_EGENERAL;

    if (getrandom(token.secret, sizeof(token.secret), 0) == (ssize_t)sizeof(token.secret)) {
        status = digest(&token, hash);
    }
    if (status == APR_SUCCESS && keys) {
        token.number = secsession_keys_first(keys);
        status = tag_of(keys, &token, token.tag);
    }
    if (status == APR_SUCCESS) {
        encode((const unsigned char *)&token, keys ? WHOLE_BYTES : SECSESSION_TOKEN_BYTES, text);
    }
    OPENSSL_cleanse(&token, sizeof(token));
    return status;
}

static apr_status_t check_tag(const secsession_keys_t *keys, const token_t *token)
{
    unsigned char tag[TAG_BYTES];
    apr_status_t status = tag_of(keys, token, tag);

    if (status == APR_SUCCESS && CRYPTO_memcmp(tag, token->tag, TAG_BYTES) != 0) {
        status = APR_EMISMATCH;
    }
    OPENSSL_cleanse(tag, sizeof(tag));
    return status;
}

apr_status_t secsession_token_hash(const secsession_keys_t *keys, const char *text,
                                   apr_size_t length, secsession_hash_t *hash)
{
    token_t token;
    apr_status_t status = APR_SUCCESS;

    if ((length != SECSESSION_TOKEN_CHARS && (length != SECSESSION_TAGGED_CHARS || keys == NULL))
        || !decode(text, length, &token)) {
        status = APR_EINVAL;
    } else if (keys) {
        status = length == SECSESSION_TAGGED_CHARS ? check_tag(keys, &token) : APR_EMISMATCH;
    }
    if (status == APR_SUCCESS) {
        status = digest(&token, hash);
    }
    OPENSSL_cleanse(&token, sizeof(token));
    return status;
}

/* Whether the text is the token that is known. No branch depends on where the two differ. Compares
 * eight characters at a time; the last eight overlap with those before. */
static int is_known(const char *text, apr_size_t length, const secsession_known_token_t *known)
{
    apr_uint64_t one, other, differs = 0;

    for (apr_size_t i = 0; i < length; i += sizeof(one)) {
        apr_size_t at = i + sizeof(one) > length ? length - sizeof(one) : i;

        memcpy(&one, text + at, sizeof(one));
        memcpy(&other, known->text + at, sizeof(other));
        differs |= one ^ other;
    }
    return differs == 0;
}

apr_status_t secsession_token_hash_known(const secsession_keys_t *keys, const char *text,
                                         apr_size_t length, secsession_known_token_t *known,
                                         secsession_hash_t *hash)
{
    if (length == 0 || length != known->length || keys != known->keys
        || !is_known(text, length, known)) {
        apr_status_t status = secsession_token_hash(keys, text, length, &known->hash);

        if (status != APR_SUCCESS) {
            OPENSSL_cleanse(known, sizeof(*known)); /* half of it may have been written */
            return status;
        }
        memcpy(known->text, text, length);
        known->length = length;
        known->keys = keys;
    }
    *hash = known->hash;
    return APR_SUCCESS;
}
