/* See token.h. */
#include "session/token.h"

#include <apr_errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <sys/random.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Fetched once in each process and never freed: EVP_sha256() would be looked up in libcrypto's tables
 * at every use, which takes longer than the digest itself. */
static const EVP_MD *sha256(void)
{
    static _Atomic(EVP_MD *) fetched;
    EVP_MD *known = atomic_load(&fetched), *mine;

    if (known) {
        return known;
    }
    mine = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!atomic_compare_exchange_strong(&fetched, &known, mine)) {
        EVP_MD_free(mine); /* another thread was faster */
        return known;
    }
    return mine;
}

static apr_status_t digest(const unsigned char token[SECSESSION_TOKEN_BYTES],
                           secsession_hash_t *hash)
{
    const EVP_MD *algorithm = sha256();
    unsigned int length = 0;

    if (algorithm == NULL
        || EVP_Digest(token, SECSESSION_TOKEN_BYTES, hash->bytes, &length, algorithm, NULL) != 1
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

/* 1 if low <= c <= high, else 0, without a branch on c. */
static unsigned int between(unsigned int c, unsigned int low, unsigned int high)
{
    return (((low - 1 - c) & (c - high - 1)) >> 8) & 1;
}

/* The value of one base64url character, with bit 6 set if it is none. No branch and no table
 * look-up depends on the character, so that the time says nothing about it. */
static unsigned int value_of(unsigned char character)
{
    unsigned int c = character;
    unsigned int upper = between(c, 'A', 'Z'), lower = between(c, 'a', 'z');
    unsigned int digit = between(c, '0', '9'), minus = between(c, '-', '-');
    unsigned int under = between(c, '_', '_');
    unsigned int any = upper | lower | digit | minus | under;

    return (upper * (c - 'A') + lower * (c - 'a' + 26) + digit * (c - '0' + 52) + minus * 62
            + under * 63)
           | ((1 - any) << 6);
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
    unsigned char token[SECSESSION_TOKEN_BYTES];
    unsigned int bits = 0, held = 0, out = 0, wrong = 0;
    apr_status_t status;

    if (length != SECSESSION_TOKEN_CHARS) {
        return APR_EINVAL;
    }
    for (unsigned int in = 0; in < SECSESSION_TOKEN_CHARS; in++) {
        unsigned int value = value_of((unsigned char)text[in]);

        wrong |= value & 64;
        bits = (bits << 6) | (value & 63);
        held += 6;
        if (held >= 8) {
            held -= 8;
            token[out++] = (unsigned char)(bits >> held);
        }
    }
    wrong |= bits & 3; /* the two bits beyond byte 32: else four spellings would be one token */
    status = wrong ? APR_EINVAL : digest(token, hash);
    OPENSSL_cleanse(token, sizeof(token));
    return status;
}
