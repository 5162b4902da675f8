/* A text is accepted as a user name if and only if a simple decoder written after RFC 3629 accepts
 * it; cleaned text is printable ASCII and has the same length as before. */
/* links: http/parse/text.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "http/parse/text.h"

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

static void check_clean(apr_pool_t *pool, const char *text, size_t most)
{
    const char *clean = secsession_text_clean(pool, text, most);

    REQUIRE(strlen(clean) == strnlen(text, most));
    for (size_t i = 0; clean[i]; i++) {
        int is_printable = (uint8_t)text[i] >= 0x20 && (uint8_t)text[i] < 0x7F;

        REQUIRE(clean[i] == (is_printable ? text[i] : '?'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *text = fuzz_string(pool, data, size);
    size_t length = strlen(text);
    int expected = length > 0 && slowly_is_text((const uint8_t *)text, length);
    size_t limits[] = { 0, length / 2, length > 0 ? length - 1 : 0, length, length + 1, SIZE_MAX };

    REQUIRE(!!secsession_text_is_user(text) == (expected && length <= SECSESSION_USER_LENGTH));
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        check_clean(pool, text, limits[i]);
    }
    fuzz_pool_destroy(pool);
    return 0;
}
