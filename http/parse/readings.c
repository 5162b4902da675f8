/* Finds the names of a cookie-pair. Uses nothing but APR's pools, so that it can be tested and
 * fuzzed on its own. */
#include "http/parse/readings.h"

#include <string.h>

#include "http/parse/hex.h"
#include "session/span.h"

/* What is asked about each name; `scratch` has room for every name of the pair. */
typedef struct {
    secsession_name_is_meant_t *is_meant;
    const void *data;
    char *scratch;
} asker_t;

/* --- blanks ----------------------------------------------------------------------------------- */

static int is_space(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7F;
}

/* The blanks beyond ASCII that str.strip() of Python or trim() of JavaScript take away: in UTF-8,
 * and U+0085 and U+00A0 in ISO 8859-1, as which both read header fields. */
static const char *const WIDE_BLANKS[] = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
    "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
    "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
    "\xE3\x80\x80", "\xEF\xBB\xBF", "\x85",         "\xA0",
};

/* The length of the blank at the start of the text, or at its end; 0 if there is none. */
static apr_size_t blank_length(secsession_span_t text, int is_at_end)
{
    const apr_size_t left = (apr_size_t)(text.end - text.start);
    const char *at = is_at_end ? text.end - 1 : text.start;

    if (left == 0 || !(is_space(*at) || *at & 0x80)) {
        return 0;
    }
    for (apr_size_t i = 0; !is_space(*at) && i < sizeof(WIDE_BLANKS) / sizeof(*WIDE_BLANKS); i++) {
        const apr_size_t length = strlen(WIDE_BLANKS[i]);

        if (length <= left
            && memcmp(is_at_end ? text.end - length : text.start, WIDE_BLANKS[i], length) == 0) {
            return length;
        }
    }
    return is_space(*at);
}

static secsession_span_t trim(secsession_span_t text)
{
    apr_size_t length;

    while ((length = blank_length(text, 0)) > 0) {
        text.start += length;
    }
    while ((length = blank_length(text, 1)) > 0) {
        text.end -= length;
    }
    return text;
}

/* --- one name --------------------------------------------------------------------------------- */

/* Writes a character of the Basic Multilingual Plane in UTF-8. */
static char *put_character(char *to, unsigned int code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* The number that `digits` hexadecimal digits stand for; -1 if they are not there. */
static int hex_number(const char *at, const char *end, int digits)
{
    int number = 0;

    if (end - at < digits) {
        return -1;
    }
    for (int i = 0; i < digits; i++) {
        int digit = secsession_hex_value(at[i]);

        if (digit < 0) {
            return -1;
        }
        number = number * 16 + digit;
    }
    return number;
}

/* Decodes "+", "%41" and "%u0041" in place; what is wrong stays as it is. A text of the length of
 * the name is enough for the result. */
static void decode(char *name)
{
    const char *end = name + strlen(name);
    char *to = name;

    for (const char *at = name; at < end; at++) {
        int byte = *at == '%' ? hex_number(at + 1, end, 2) : -1;
        int code = *at == '%' && at + 1 < end && (at[1] | 0x20) == 'u' ? hex_number(at + 2, end, 4)
                                                                       : -1;

        if (byte >= 0) {
            *to++ = (char)byte;
            at += 2;
        } else if (code >= 0) {
            to = put_character(to, (unsigned int)code);
            at += 5;
        } else {
            *to++ = (char)(*at == '+' ? ' ' : *at);
        }
    }
    *to = '\0';
}

/* Puts "_" in place of characters, as PHP does. Whether that has changed anything. */
static int change_as_php(char *name, const char *characters)
{
    int is_changed = 0;

    for (char *c = name; *c; c++) {
        if (strchr(characters, *c)) {
            *c = '_';
            is_changed = 1;
        }
    }
    return is_changed;
}

/* Whether the name is meant, as it is or as PHP reads it. Changes it. */
static int is_meant_by_any(const asker_t *asker, char *name)
{
    char *bracket;

    if (asker->is_meant(name, asker->data)
        || (change_as_php(name, ". ") && asker->is_meant(name, asker->data))) {
        return 1;
    }
    bracket = strchr(name, '[');
    if (bracket == NULL) {
        return 0;
    }
    *bracket = '\0';
    if (asker->is_meant(name, asker->data)) {
        return 1;
    }
    *bracket = '_';
    change_as_php(bracket, "[");
    return asker->is_meant(name, asker->data);
}

/* The text without blanks at its ends, as a string in the scratch. */
static char *copy(const asker_t *asker, secsession_span_t text)
{
    const secsession_span_t name = trim(text);
    const apr_size_t length = (apr_size_t)(name.end - name.start);

    memmove(asker->scratch, name.start, length);
    asker->scratch[length] = '\0';
    return asker->scratch;
}

static int is_name(const asker_t *asker, secsession_span_t text)
{
    char *name;

    if (is_meant_by_any(asker, copy(asker, text))) {
        return 1;
    }
    if (memchr(text.start, '%', (apr_size_t)(text.end - text.start)) == NULL
        && memchr(text.start, '+', (apr_size_t)(text.end - text.start)) == NULL) {
        return 0;
    }
    name = copy(asker, text);
    decode(name);
    return is_meant_by_any(asker, copy(asker, (secsession_span_t){ name, name + strlen(name) }));
}

/* --- the names of a pair ---------------------------------------------------------------------- */

/* The part of [start, end) before the "=" that ends a name. */
static secsession_span_t name_of(const char *start, const char *end)
{
    const char *equals;

    while (start < end && (*start == '=' || is_space(*start))) {
        start++;
    }
    equals = memchr(start, '=', (apr_size_t)(end - start));
    return (secsession_span_t){ start, equals ? equals : end };
}

/* Whether there is a name behind a blank in [start, end), with a "=" behind the name. */
static int has_name_behind_blank(const asker_t *asker, const char *start, const char *end)
{
    const char *at = start;

    while (at < end) {
        secsession_span_t word;

        while (at < end && !is_space(*at)) {
            at++;
        }
        while (at < end && (is_space(*at) || *at == '=')) {
            at++;
        }
        word.start = word.end = at;
        while (word.end < end && !is_space(*word.end) && *word.end != '=') {
            word.end++;
        }
        for (at = word.end; at < end && is_space(*at);) {
            at++;
        }
        if (at < end && *at == '=' && is_name(asker, word)) {
            return 1;
        }
        at = word.end;
    }
    return 0;
}

int secsession_readings_any(apr_pool_t *pool, const char *start, const char *end,
                            secsession_name_is_meant_t *is_meant, const void *data)
{
    const asker_t asker = { is_meant, data, apr_palloc(pool, (apr_size_t)(end - start) + 1) };

    while (start < end) {
        const char *comma = memchr(start, ',', (apr_size_t)(end - start));
        const char *stop = comma ? comma : end;

        if (is_name(&asker, name_of(start, stop)) || has_name_behind_blank(&asker, start, stop)) {
            return 1;
        }
        start = stop + 1;
    }
    return 0;
}
