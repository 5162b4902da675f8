/* A return target that is accepted is printable, and in a browser it stays on this host, however
 * often its path has been decoded before; and nothing else is refused. */
/* links: http/parse/target.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>

#include "http/parse/target.h"

typedef struct {
    uint8_t bytes[SECSESSION_TARGET_LENGTH];
    size_t length;
} text_t;

/* Decodes every "%XX" once, as a server does. Returns whether there was one. */
static int decode(text_t *text)
{
    text_t out = { .length = 0 };

    for (size_t i = 0; i < text->length; i++) {
        const uint8_t *at = text->bytes + i;
        char digits[3] = "";

        if (*at == '%' && i + 2 < text->length && isxdigit(at[1]) && isxdigit(at[2])) {
            memcpy(digits, at + 1, 2);
            i += 2;
        }
        out.bytes[out.length++] = *digits ? (uint8_t)strtol(digits, NULL, 16) : *at;
    }
    if (out.length == text->length) {
        return 0;
    }
    *text = out;
    return 1;
}

/* The URL standard of the WHATWG: blanks and control characters around a URL are removed, tabs and
 * line ends everywhere, and a backslash counts as a slash. If the rest begins with exactly one
 * slash, it is a path on this host. */
static int is_on_host(text_t text)
{
    char seen[2] = "";
    size_t start = 0, count = 0;

    while (start < text.length && text.bytes[start] <= ' ') {
        start++;
    }
    for (size_t i = start; i < text.length && count < 2; i++) {
        uint8_t byte = text.bytes[i];

        if (byte != '\t' && byte != '\r' && byte != '\n') {
            seen[count++] = byte == '\\' ? '/' : (char)byte;
        }
    }
    return seen[0] == '/' && seen[1] != '/';
}

static int is_without_controls(text_t text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < 0x20 || text.bytes[i] == 0x7F || text.bytes[i] == '\\') {
            return 0;
        }
    }
    return 1;
}

static int is_without_dot_segments(text_t text)
{
    for (size_t start = 0, end = 0; end <= text.length; end++) {
        if (end == text.length || text.bytes[end] == '/') {
            size_t length = end - start;

            if ((length == 1 || length == 2) && memcmp(text.bytes + start, "..", length) == 0) {
                return 0;
            }
            start = end + 1;
        }
    }
    return 1;
}

static int is_safe(text_t text)
{
    return is_on_host(text) && is_without_controls(text) && is_without_dot_segments(text);
}

static int slowly_is_local(const char *target)
{
    text_t text = { .length = strlen(target) };

    if (text.length > SECSESSION_TARGET_LENGTH) {
        return 0;
    }
    memcpy(text.bytes, target, text.length);
    if (!is_on_host(text) || !is_without_controls(text) || *target != '/') {
        return 0;
    }
    for (const char *c = target; *c; c++) {
        if (!isascii(*c) || !isgraph(*c)) {
            return 0;
        }
    }
    text.length = strcspn(target, "?#");
    do {
        if (!is_safe(text)) {
            return 0;
        }
    } while (decode(&text));
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *target = fuzz_string(pool, data, size);

    REQUIRE(!!secsession_target_is_local(target) == slowly_is_local(target));
    fuzz_pool_destroy(pool);
    return 0;
}
