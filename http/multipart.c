/* See multipart.h. Needs APR alone, so that it can be tested and fuzzed alone. */
#include "http/multipart.h"

#include <apr_strings.h>
#include <string.h>

#define BOUNDARY_LENGTH 70 /* RFC 2046, 5.1.1 */

typedef struct {
    const char *start;
    const char *end;
} span_t;

/* The first `text` in a span; NULL if it is not there. */
static const char *find(span_t span, const char *text)
{
    return memmem(span.start, (apr_size_t)(span.end - span.start), text, strlen(text));
}

/* What delimits the parts: a line break, two hyphens and the boundary; NULL if the type has none. */
static const char *delimiter(apr_pool_t *pool, const char *type)
{
    const char *boundary = type;
    apr_size_t length;

    if (strncasecmp(type, "multipart/form-data", 19) != 0) {
        return NULL;
    }
    do {
        boundary = strchr(boundary, ';');
        if (boundary == NULL) {
            return NULL;
        }
        boundary += 1 + strspn(boundary + 1, " \t");
    } while (strncasecmp(boundary, "boundary=", 9) != 0);
    boundary += 9;
    if (*boundary == '"') {
        boundary++;
        length = strcspn(boundary, "\"");
    } else {
        length = strcspn(boundary, "; \t");
    }
    return length > 0 && length <= BOUNDARY_LENGTH
               ? apr_pstrcat(pool, "\r\n--", apr_pstrmemdup(pool, boundary, length), NULL)
               : NULL;
}

/* The value of a parameter in double quotes, as browsers write it; NULL if it is not there. */
static const char *parameter(apr_pool_t *pool, const char *line, const char *name)
{
    apr_size_t length = strlen(name);

    for (const char *at = strchr(line, ';'); at; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, name, length) == 0 && at[length] == '=' && at[length + 1] == '"') {
            at += length + 2;
            return apr_pstrmemdup(pool, at, strcspn(at, "\""));
        }
    }
    return NULL;
}

/* The field's name in the head of a part; NULL for a file. */
static const char *name_in(apr_pool_t *pool, span_t head)
{
    static const char header[] = "content-disposition:";
    const char *line = apr_pstrmemdup(pool, head.start, (apr_size_t)(head.end - head.start));

    while (line) {
        if (strncasecmp(line, header, sizeof(header) - 1) == 0) {
            const char *one = apr_pstrmemdup(pool, line, strcspn(line, "\r\n"));

            return parameter(pool, one, "filename") ? NULL : parameter(pool, one, "name");
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return NULL;
}

/* Sets *value if this part is the field. Whether it contradicts what was there. */
static int read_part(apr_pool_t *pool, span_t part, const char *name, char **value)
{
    const char *blank = find(part, "\r\n\r\n");
    const char *found = blank ? name_in(pool, (span_t){ part.start, blank }) : NULL;
    apr_size_t length;
    char *text;

    if (found == NULL || strcmp(found, name) != 0) {
        return 0;
    }
    length = (apr_size_t)(part.end - (blank + 4));
    text = apr_pstrmemdup(pool, blank + 4, length);
    if (strlen(text) != length || (*value && strcmp(*value, text) != 0)) {
        return 1;
    }
    *value = text;
    return 0;
}

char *secsession_multipart_get(apr_pool_t *pool, const char *type, const char *body,
                               apr_size_t length, const char *name)
{
    const char *boundary = delimiter(pool, type);
    span_t left = { body, body + length };
    char *value = NULL;
    const char *next;

    if (boundary == NULL || length < strlen(boundary) - 2
        || memcmp(body, boundary + 2, strlen(boundary) - 2) != 0) {
        return NULL;
    }
    left.start += strlen(boundary) - 2;
    /* The line break behind a boundary stays: it ends an empty head. */
    while ((next = find(left, boundary)) != NULL) {
        const char *line = find(left, "\r\n");

        if (line && line < next && read_part(pool, (span_t){ line + 2, next }, name, &value) != 0) {
            return NULL;
        }
        left.start = next + strlen(boundary);
    }
    return value;
}
