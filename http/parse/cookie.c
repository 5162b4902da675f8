/* Finds our cookie among the cookies of a request. Uses nothing but APR, so that it can be tested
 * and fuzzed on its own. */
#include "http/parse/cookie.h"

#include <apr_strings.h>
#include <string.h>

#include "session/span.h"

/* Returns the value if the name of the pair is `name`, else NULL. Blanks before the "=" are
 * accepted: a backend may accept them too, and must not see the cookie. A token that is written
 * this way is as good as any other. */
static const char *value_of(secsession_span_t pair, const char *name, apr_size_t name_length)
{
    const char *at = pair.start;

    if ((apr_size_t)(pair.end - at) < name_length || memcmp(at, name, name_length) != 0) {
        return NULL;
    }
    at += name_length;
    while (at < pair.end && secsession_is_blank(*at)) {
        at++;
    }
    if (at == pair.end) {
        return at;
    }
    return *at == '=' ? at + 1 : NULL;
}

/* Whether our cookie is inside the value of another one. httpd joins two Cookie fields of one
 * HTTP/1.1 request with ", ", and a comma does not separate cookies. Such a cookie is not accepted
 * as a session, but it must not be passed on either. */
static int hides_ours(secsession_span_t pair, const char *name, apr_size_t name_length)
{
    for (const char *at = pair.start; (apr_size_t)(pair.end - at) > name_length; at++) {
        if (*at == ',') {
            secsession_span_t inner = secsession_span_trim(at + 1, pair.end);

            if (value_of(inner, name, name_length)) {
                return 1;
            }
        }
    }
    return 0;
}

/* Adds a value that is not among them yet. */
static void add_value(apr_pool_t *pool, secsession_values_t *values, const char *start,
                      const char *end)
{
    apr_size_t length = (apr_size_t)(end - start);

    for (int i = 0; i < values->count && i < SECSESSION_COOKIE_VALUES; i++) {
        if (strlen(values->texts[i]) == length && memcmp(values->texts[i], start, length) == 0) {
            return;
        }
    }
    if (values->count < SECSESSION_COOKIE_VALUES) {
        values->texts[values->count++] = apr_pstrmemdup(pool, start, length);
    } else {
        values->count = SECSESSION_COOKIE_VALUES + 1;
    }
}

static secsession_presented_t presented(const secsession_values_t *values)
{
    return values->count > 1   ? SECSESSION_COOKIE_SEVERAL
           : values->count > 0 ? SECSESSION_COOKIE_ONE
                               : SECSESSION_COOKIE_NONE;
}

secsession_presented_t secsession_cookie_take(apr_pool_t *pool, const char *field, const char *name,
                                              secsession_values_t *values, const char **rest)
{
    apr_size_t name_length = strlen(name);
    char *kept, *end;

    *values = (secsession_values_t){ 0 };
    *rest = field;
    if (strstr(field, name) == NULL) {
        return SECSESSION_COOKIE_NONE;
    }
    kept = end = apr_palloc(pool, 2 * strlen(field) + 1); /* a blank after each semicolon */
    for (const char *at = field, *next; at; at = next) {
        const char *semicolon = strchr(at, ';');
        secsession_span_t pair = secsession_span_trim(at, semicolon ? semicolon : at + strlen(at));
        const char *found = value_of(pair, name, name_length);

        next = semicolon ? semicolon + 1 : NULL;
        if (found) {
            add_value(pool, values, found, pair.end);
        } else if (pair.end > pair.start && !hides_ours(pair, name, name_length)) {
            if (end > kept) {
                *end++ = ';';
                *end++ = ' ';
            }
            memcpy(end, pair.start, (apr_size_t)(pair.end - pair.start));
            end += pair.end - pair.start;
        }
    }
    *end = '\0';
    *rest = end > kept ? kept : NULL;
    return presented(values);
}

int secsession_cookie_is_set_by(const char *field, const char *name)
{
    const char *start = field + strspn(field, " \t=");
    const secsession_span_t pair = secsession_span_trim(start, start + strcspn(start, ";"));

    return value_of(pair, name, strlen(name)) != NULL;
}
