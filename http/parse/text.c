/* Checks and cleans text that clients send. Uses nothing but APR, so that it can be tested and
 * fuzzed on its own. */
#include "http/parse/text.h"

#include <apr_strings.h>
#include <string.h>

#include "session/span.h"

/* Whether `second` may follow `first`, which begins a character of several bytes: it excludes
 * overlong forms, surrogates, and everything above U+10FFFF (RFC 3629, 4). */
static int is_second_byte(unsigned char first, unsigned char second)
{
    unsigned char low = 0x80, high = 0xBF;

    switch (first) {
    case 0xE0:
        low = 0xA0;
        break;
    case 0xED:
        high = 0x9F;
        break;
    case 0xF0:
        low = 0x90;
        break;
    case 0xF4:
        high = 0x8F;
        break;
    default:
        break;
    }
    return low <= second && second <= high;
}

/* The number of bytes of the UTF-8 character at `text`, or 0 if it is not valid (RFC 3629). */
static apr_size_t character_length(const unsigned char *text)
{
    apr_size_t length;

    if (text[0] < 0x80) {
        return 1;
    }
    if (text[0] < 0xC2 || text[0] > 0xF4 || !is_second_byte(text[0], text[1])) {
        return 0;
    }
    if (text[0] < 0xE0) {
        length = 2;
    } else {
        length = text[0] < 0xF0 ? 3 : 4;
    }
    for (apr_size_t i = 2; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

/* Control characters are C0, DEL, and C1 (U+0080 to U+009F), which terminals obey, too. */
static int is_control(const unsigned char *text)
{
    return text[0] < 0x20 || text[0] == 0x7F || (text[0] == 0xC2 && text[1] < 0xA0);
}

/* Unicode's White_Space, of which some bytes would be control characters. */
static int is_blank(const unsigned char *at, apr_size_t length)
{
    if (length == 2) {
        return at[0] == 0xC2 && at[1] == 0xA0;
    }
    if (length == 3 && at[0] == 0xE2 && at[1] == 0x80) {
        return at[2] <= 0x8A || at[2] == 0xA8 || at[2] == 0xA9 || at[2] == 0xAF;
    }
    return *at == ' '
           || (length == 3
               && (memcmp(at, "\xE1\x9A\x80", 3) == 0 || memcmp(at, "\xE2\x81\x9F", 3) == 0
                   || memcmp(at, "\xE3\x80\x80", 3) == 0));
}

const char *secsession_text_user(apr_pool_t *pool, const char *text, int is_lowercase)
{
    const unsigned char *at = (const unsigned char *)text, *start = NULL, *end = NULL;
    char *name;

    while (*at) {
        apr_size_t bytes = character_length(at);

        if (bytes == 0 || is_control(at)) {
            return NULL;
        }
        if (!is_blank(at, bytes)) {
            start = start ? start : at;
            end = at + bytes;
        }
        at += bytes;
    }
    if (start == NULL || end - start > SECSESSION_USER_LENGTH) {
        return NULL;
    }
    name = apr_pstrmemdup(pool, (const char *)start, (apr_size_t)(end - start));
    for (char *c = name; is_lowercase && *c; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return name;
}

int secsession_text_is_field_value(const char *text)
{
    return *text && !secsession_is_blank(*text) && !secsession_is_blank(text[strlen(text) - 1]);
}
