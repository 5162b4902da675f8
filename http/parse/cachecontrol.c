/* Reads the directives of a Cache-Control field. Pure, so that it can be tested and fuzzed on its
 * own. */
#include "http/parse/cachecontrol.h"

#include <string.h>
#include <strings.h>

#include "session/span.h"

/* RFC 9110, 5.6.2 */
#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* Returns the end of a quoted string, or NULL if it has none (RFC 9110, 5.6.4). */
static const char *quoted_end(const char *at)
{
    for (at++; *at != '"'; at++) {
        at += *at == '\\';
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7F) {
            return NULL; /* the end of the text, or a control character */
        }
    }
    return at + 1;
}

/* Returns the end of a directive's value, which may be missing; NULL if it is written wrongly. */
static const char *value_end(const char *at)
{
    if (*at != '=') {
        return at;
    }
    at++;
    if (*at == '"') {
        return quoted_end(at);
    }
    return strspn(at, TOKEN) > 0 ? at + strspn(at, TOKEN) : NULL;
}

static int is(secsession_span_t name, const char *word)
{
    size_t length = (size_t)(name.end - name.start);

    return length == strlen(word) && strncasecmp(name.start, word, length) == 0;
}

int secsession_cachecontrol_is_private(const char *field)
{
    int is_private = 0;

    for (const char *at = field; *at; at += *at == ',') {
        secsession_span_t name;

        at += strspn(at, " \t");
        name.start = at;
        name.end = at + strspn(at, TOKEN);
        at = name.end > name.start ? value_end(name.end) : name.end;
        if (at == NULL || is(name, "public") || is(name, "s-maxage")) {
            return 0;
        }
        is_private |= at == name.end && (is(name, "no-store") || is(name, "private"));
        at += strspn(at, " \t");
        if (*at != ',' && *at != '\0') {
            return 0;
        }
    }
    return is_private;
}
