/* Exactly the base64url that OpenSSL writes for 32 bytes is accepted as a token, and the hash is
 * the one that OpenSSL computes; with a key, that of 48 bytes with the MAC that OpenSSL computes.
 * Every input is read as a token, and 32 bytes of it are written as one. */
/* links: session/token.c session/mac.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "session/token.h"

#define PADDED (SECSESSION_TOKEN_CHARS + 1) /* with "=", as OpenSSL reads and writes */

/* One key, in place of those that session/keys.c would read. */
struct secsession_keys_t {
    unsigned char number, key[SECSESSION_KEY_BYTES];
};

static const secsession_keys_t KEYS = { 7, "only we have this" };

unsigned char secsession_keys_first(const secsession_keys_t *keys)
{
    return keys->number;
}

const unsigned char *secsession_keys_find(const secsession_keys_t *keys, unsigned char number)
{
    return number == keys->number ? keys->key : NULL;
}

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

/* Whether `text` has the form of a token with a tag. */
static int is_whole(const char *text, size_t length)
{
    size_t good = 0;

    while (good < length && text[good]
           && (isalnum((unsigned char)text[good]) || strchr("-_", text[good]))) {
        good++;
    }
    return length == SECSESSION_TAGGED_CHARS && good == length;
}

/* Whether the key has made the tag of a token that has one. */
static int has_tag(const char *text)
{
    char standard[SECSESSION_TAGGED_CHARS + 1] = "";
    uint8_t bytes[SECSESSION_TAGGED_CHARS], mac[EVP_MAX_MD_SIZE];
    unsigned int length;

    memcpy(standard, text, SECSESSION_TAGGED_CHARS);
    translate(standard, "-_", "+/");
    REQUIRE(EVP_DecodeBlock(bytes, (uint8_t *)standard, SECSESSION_TAGGED_CHARS) == 48);
    REQUIRE(HMAC(EVP_sha256(), KEYS.key, sizeof(KEYS.key), bytes, 32, mac, &length));
    return bytes[32] == KEYS.number && memcmp(bytes + 33, mac, 15) == 0;
}

static void check_with_key(const char *text, size_t length)
{
    secsession_hash_t hash;
    uint8_t bytes[SECSESSION_TOKEN_BYTES];
    apr_status_t status = secsession_token_hash(&KEYS, text, length, &hash);
    apr_status_t expected = is_canonical(text, length, bytes) ? APR_EMISMATCH : APR_EINVAL;

    if (is_whole(text, length)) {
        expected = has_tag(text) ? APR_SUCCESS : APR_EMISMATCH;
    }
    REQUIRE(status == expected);
}

/* A copy of `text` whose memory ends with it. */
static void check(apr_pool_t *pool, const char *text, size_t length)
{
    const char *exact = memcpy(apr_palloc(pool, length), text, length);
    uint8_t bytes[SECSESSION_TOKEN_BYTES], expected[SHA256_DIGEST_LENGTH];
    secsession_hash_t hash;
    apr_status_t status = secsession_token_hash(NULL, exact, length, &hash);

    check_with_key(exact, length);
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
    char text[SECSESSION_TOKEN_SIZE];
    uint8_t bytes[SECSESSION_TOKEN_BYTES];
    secsession_hash_t made, read;

    REQUIRE(secsession_token_make(NULL, text, &made) == APR_SUCCESS);
    REQUIRE(is_canonical(text, strlen(text), bytes));
    REQUIRE(secsession_token_hash(NULL, text, strlen(text), &read) == APR_SUCCESS);
    REQUIRE(memcmp(&made, &read, sizeof(made)) == 0);

    REQUIRE(secsession_token_make(&KEYS, text, &made) == APR_SUCCESS);
    REQUIRE(is_whole(text, strlen(text)) && has_tag(text));
    REQUIRE(secsession_token_hash(&KEYS, text, strlen(text), &read) == APR_SUCCESS);
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
