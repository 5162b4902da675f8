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

/* A directive: its name, which is empty between two commas, and its value, which ends where it
 * begins if there is none. */
typedef struct {
    secsession_span_t name;
    const char *end;
} directive_t;

/* Reads the directive at *at and moves *at behind it and its comma. Whether it is written as RFC
 * 9111 says. */
static int read_directive(const char **at, directive_t *directive)
{
    secsession_span_t *name = &directive->name;

    *at += strspn(*at, " \t");
    name->start = *at;
    name->end = *at + strspn(*at, TOKEN);
    directive->end = name->end > name->start ? value_end(name->end) : name->end;
    if (directive->end == NULL) {
        return 0;
    }
    *at = directive->end + strspn(directive->end, " \t");
    if (**at != ',' && **at != '\0') {
        return 0;
    }
    *at += **at == ',';
    return 1;
}

static int is_for_shared(const directive_t *directive)
{
    return is(directive->name, "public") || is(directive->name, "s-maxage");
}

int secsession_cachecontrol_is_private(const char *field)
{
    int is_private = 0;
    directive_t directive;

    while (*field) {
        if (!read_directive(&field, &directive) || is_for_shared(&directive)) {
            return 0;
        }
        is_private |= directive.end == directive.name.end
                      && (is(directive.name, "no-store") || is(directive.name, "private"));
    }
    return is_private;
}

/* Whether this is a max-age of more than nothing. */
static int is_lasting(const directive_t *directive)
{
    const char *value = directive->name.end + 1, *end = directive->end;

    return directive->end > value && strspn(value, "0123456789") == (size_t)(end - value)
           && strspn(value, "0") < (size_t)(end - value);
}

/* What a field says of the responses that it marks. */
typedef struct {
    int is_public;  /* public or immutable */
    int lasts;      /* it is fresh for some time */
    int has_age;    /* that was said by max-age */
    int is_checked; /* no-cache */
} mark_t;

static void read_mark(const directive_t *directive, mark_t *mark)
{
    if (is(directive->name, "max-age")) {
        mark->lasts = is_lasting(directive) && (mark->lasts || !mark->has_age);
        mark->has_age = 1;
    }
    mark->is_public |= is(directive->name, "public") || is(directive->name, "immutable");
    mark->is_checked |= is(directive->name, "no-cache");
}

const char *secsession_cachecontrol_as_private(apr_pool_t *pool, const char *field, int lasts,
                                               int *is_for_all)
{
    static const char first[] = "private";
    char *kept = apr_palloc(pool, sizeof(first) + 2 * strlen(field) + 2);
    char *out = stpcpy(kept, first);
    mark_t mark = { .lasts = lasts };
    directive_t directive;

    while (*field) {
        if (!read_directive(&field, &directive) || is(directive.name, "no-store")
            || is(directive.name, "private")) {
            return NULL;
        }
        read_mark(&directive, &mark);
        if (directive.end > directive.name.start && !is_for_shared(&directive)) {
            out = stpcpy(out, ", ");
            out = stpncpy(out, directive.name.start,
                          (size_t)(directive.end - directive.name.start));
            *out = '\0';
        }
    }
    *is_for_all = !mark.is_checked && (mark.is_public || mark.lasts);
    return kept;
}
