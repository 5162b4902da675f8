/* A text is accepted as a user name if and only if a simple decoder written after RFC 3629 accepts
 * it and something but blanks is in it; the name is a part of it, and names itself; what a client
 * calls itself becomes printable ASCII of the same length, or of 255 bytes. */
/* links: http/parse/text.c session/client.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "http/parse/text.h"
#include "session/client.h"

/* The code point of a character of `bytes` bytes, by the table of RFC 3629; -1 if the bytes do not
 * fit the table. */
static long character(const uint8_t *at, size_t bytes)
{
    static const uint8_t first[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
    static const uint8_t mask[] = { 0, 0x80, 0xE0, 0xF0, 0xF8 };
    long value = at[0] & (uint8_t)~mask[bytes];

    if ((at[0] & mask[bytes]) != first[bytes]) {
        return -1;
    }
    for (size_t i = 1; i < bytes; i++) {
        if (at[i] / 64 != 2) {
            return -1;
        }
        value = value * 64 + at[i] % 64;
    }
    return value;
}

static size_t shortest(long value)
{
    return (size_t)1 + (value >= 0x80) + (value >= 0x800) + (value >= 0x10000);
}

static int is_allowed(long value)
{
    return value >= 0x20 && (value < 0x7F || value > 0x9F) && (value < 0xD800 || value > 0xDFFF)
           && value <= 0x10FFFF;
}

static int slowly_is_text(const uint8_t *at, size_t size)
{
    while (size > 0) {
        size_t bytes = 1;
        long value;

        while (bytes <= 4 && bytes <= size && character(at, bytes) < 0) {
            bytes++;
        }
        if (bytes > 4 || bytes > size) {
            return 0;
        }
        value = character(at, bytes);
        if (shortest(value) != bytes || !is_allowed(value)) {
            return 0;
        }
        at += bytes;
        size -= bytes;
    }
    return 1;
}

static void check_clean(apr_pool_t *pool, const char *text)
{
    const secsession_client_t client = { "192.0.2.1", text };
    const char *clean = secsession_client_agent(&client, pool);

    REQUIRE(strlen(clean) == strnlen(text, 255));
    for (size_t i = 0; clean[i]; i++) {
        int is_printable = (uint8_t)text[i] >= 0x20 && (uint8_t)text[i] < 0x7F;

        REQUIRE(clean[i] == (is_printable ? text[i] : '?'));
    }
}

static void check_name(apr_pool_t *pool, const char *text, int is_text)
{
    const char *name = secsession_text_user(pool, text, 0);
    const char *lower = secsession_text_user(pool, text, 1);

    REQUIRE(!name == !lower);
    REQUIRE(name == NULL || is_text);
    if (name) {
        size_t length = strlen(name);

        REQUIRE(length > 0 && length <= SECSESSION_USER_LENGTH && strstr(text, name));
        REQUIRE(*name != ' ' && name[length - 1] != ' ' && strlen(lower) == length);
        REQUIRE(strcmp(secsession_text_user(pool, name, 0), name) == 0);
        REQUIRE(strcmp(secsession_text_user(pool, lower, 1), lower) == 0);
        REQUIRE(strcasecmp(name, lower) == 0);
    } else if (is_text && strlen(text) <= SECSESSION_USER_LENGTH) {
        /* Blanks consist of these bytes. */
        REQUIRE(strspn(text, " \xc2\xa0\xe1\x9a\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a"
                             "\xe2\xa8\xa9\xaf\x9f\xe3")
                == strlen(text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *text = fuzz_string(pool, data, size);
    int is_text = slowly_is_text((const uint8_t *)text, strlen(text));

    check_name(pool, text, is_text);
    check_clean(pool, text);
    fuzz_pool_destroy(pool);
    return 0;
}
