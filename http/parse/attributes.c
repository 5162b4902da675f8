/* Reads the attributes of a Set-Cookie field and adds those that are missing. Uses nothing but
 * APR's pools, so that it can be tested and fuzzed on its own. */
#include "http/parse/attributes.h"

#include <string.h>
#include <strings.h>

#include "session/span.h"

#define BLANKS " \t"
#define SAME_SITE "SameSite=Lax"

typedef enum { SAME_SITE_MISSING, SAME_SITE_UNKNOWN, SAME_SITE_NONE, SAME_SITE_KNOWN } same_site_t;

typedef struct {
    int is_secure;
    int is_http_only;
    same_site_t same_site;
    const char
        *same_site_start; /* browsers use the last SameSite of a field, so this is that one */
    const char *same_site_end;
} attributes_t;

static int is(secsession_span_t text, const char *word)
{
    size_t length = (size_t)(text.end - text.start);

    return length == strlen(word) && strncasecmp(text.start, word, length) == 0;
}

static same_site_t read_same_site(secsession_span_t value)
{
    if (is(value, "None")) {
        return SAME_SITE_NONE;
    }
    return is(value, "Lax") || is(value, "Strict") ? SAME_SITE_KNOWN : SAME_SITE_UNKNOWN;
}

static void read_attribute(attributes_t *attributes, const char *start, const char *end)
{
    const char *equals = memchr(start, '=', (size_t)(end - start));
    const secsession_span_t name = secsession_span_trim(start, equals ? equals : end);

    if (is(name, "Secure")) {
        attributes->is_secure = 1;
    } else if (is(name, "HttpOnly")) {
        attributes->is_http_only = 1;
    } else if (is(name, "SameSite")) {
        const secsession_span_t whole = secsession_span_trim(start, end);

        attributes->same_site = equals ? read_same_site(secsession_span_trim(equals + 1, end))
                                       : SAME_SITE_UNKNOWN;
        attributes->same_site_start = whole.start;
        attributes->same_site_end = whole.end;
    }
}

/* `at` points to the semicolon before the first attribute, or to the end of the field. */
static attributes_t read_attributes(const char *at)
{
    attributes_t attributes = { 0 };

    while (*at) {
        const char *end;

        at += 1 + strspn(at + 1, BLANKS);
        end = at + strcspn(at, ";");
        read_attribute(&attributes, at, end);
        at = end;
    }
    return attributes;
}

static char *append(char *out, const char *start, const char *end)
{
    memcpy(out, start, (size_t)(end - start));
    return out + (end - start);
}

const char *secsession_attributes_harden(apr_pool_t *pool, const char *field, int is_secure,
                                         int is_http_only)
{
    static const char all[] = "; Secure; HttpOnly; " SAME_SITE;
    const char *pair_end = field + strcspn(field, ";"), *end = field + strlen(field);
    attributes_t found = read_attributes(pair_end);
    int adds_secure = !found.is_secure && (is_secure || found.same_site == SAME_SITE_NONE);
    int adds_http_only = !found.is_http_only && is_http_only;
    char *kept, *out;

    if (strspn(field, BLANKS) == (size_t)(pair_end - field)
        || (!adds_secure && !adds_http_only && found.same_site >= SAME_SITE_NONE)) {
        return field;
    }
    while (end > pair_end && strchr("; \t", end[-1])) {
        end--;
    }
    kept = out = apr_palloc(pool, strlen(field) + sizeof(all) + strlen(SAME_SITE));
    if (found.same_site == SAME_SITE_UNKNOWN) {
        out = append(out, field, found.same_site_start);
        out = stpcpy(out, SAME_SITE);
        out = append(out, found.same_site_end, end);
    } else {
        out = append(out, field, end);
    }
    out = stpcpy(out, adds_secure ? "; Secure" : "");
    out = stpcpy(out, adds_http_only ? "; HttpOnly" : "");
    stpcpy(out, found.same_site == SAME_SITE_MISSING ? "; " SAME_SITE : "");
    return kept;
}

int secsession_attributes_is_http_only(const char *field)
{
    return read_attributes(field + strcspn(field, ";")).is_http_only;
}
