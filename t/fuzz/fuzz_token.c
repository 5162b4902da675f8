/* Exactly the base64url that OpenSSL writes for 32 bytes is accepted as a token, and the hash is
 * the one that OpenSSL computes. Every input is read as a token, and 32 bytes of it are written as
 * one. */
/* links: session/token.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "session/token.h"

#define PADDED (SECSESSION_TOKEN_CHARS + 1) /* with "=", as OpenSSL reads and writes */

static void translate(char *text, const char *from, const char *to)
{
    for (; *text; text++) {
        const char *found = strchr(from, *text);

        *text = found ? to[found - from] : *text;
    }
}

static void encode(const uint8_t bytes[SECSESSION_TOKEN_BYTES], char text[PADDED + 1])
{
    REQUIRE(EVP_EncodeBlock((uint8_t *)text, bytes, SECSESSION_TOKEN_BYTES) == PADDED);
    REQUIRE(text[SECSESSION_TOKEN_CHARS] == '=');
    text[SECSESSION_TOKEN_CHARS] = '\0';
    translate(text, "+/", "-_");
}

/* Whether `text` is what encode() makes of some bytes, which are stored in `bytes`. */
static int is_canonical(const char *text, size_t length, uint8_t bytes[SECSESSION_TOKEN_BYTES])
{
    char padded[PADDED + 1] = "", again[PADDED + 1];
    uint8_t decoded[PADDED];

    if (length != SECSESSION_TOKEN_CHARS || memchr(text, '\0', length)) {
        return 0;
    }
    memcpy(padded, text, length);
    translate(padded, "-_", "+/");
    padded[SECSESSION_TOKEN_CHARS] = '=';
    if (EVP_DecodeBlock(decoded, (uint8_t *)padded, PADDED) != SECSESSION_TOKEN_BYTES + 1) {
        return 0;
    }
    memcpy(bytes, decoded, SECSESSION_TOKEN_BYTES);
    encode(bytes, again);
    return memcmp(again, text, length) == 0;
}

/* A copy of `text` whose memory ends with it. */
static void check(apr_pool_t *pool, const char *text, size_t length)
{
    const char *exact = memcpy(apr_palloc(pool, length), text, length);
    uint8_t bytes[SECSESSION_TOKEN_BYTES], expected[SHA256_DIGEST_LENGTH];
    secsession_hash_t hash;
    apr_status_t status = secsession_token_hash(exact, length, &hash);

    if (!is_canonical(exact, length, bytes)) {
        REQUIRE(status == APR_EINVAL);
        return;
    }
    REQUIRE(status == APR_SUCCESS);
    SHA256(bytes, sizeof(bytes), expected);
    REQUIRE(memcmp(hash.bytes, expected, sizeof(expected)) == 0);
}

static void check_made(void)
{
    char text[SECSESSION_TOKEN_CHARS + 1];
    uint8_t bytes[SECSESSION_TOKEN_BYTES];
    secsession_hash_t made, read;

    REQUIRE(secsession_token_make(text, &made) == APR_SUCCESS);
    REQUIRE(is_canonical(text, strlen(text), bytes));
    REQUIRE(secsession_token_hash(text, strlen(text), &read) == APR_SUCCESS);
    REQUIRE(memcmp(&made, &read, sizeof(made)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();

    if (size > 0) {
        check(pool, (const char *)data, size);
    }
    if (size >= SECSESSION_TOKEN_BYTES) {
        char text[PADDED + 1];
        uint8_t bytes[SECSESSION_TOKEN_BYTES];

        encode(data, text);
        REQUIRE(is_canonical(text, SECSESSION_TOKEN_CHARS, bytes));
        check(pool, text, SECSESSION_TOKEN_CHARS);
        if (size > SECSESSION_TOKEN_BYTES + 1) { /* the next two bytes change one character */
            text[data[SECSESSION_TOKEN_BYTES] % SECSESSION_TOKEN_CHARS] =
                (char)data[SECSESSION_TOKEN_BYTES + 1];
            check(pool, text, SECSESSION_TOKEN_CHARS);
        }
    }
    check_made();
    fuzz_pool_destroy(pool);
    return 0;
}
