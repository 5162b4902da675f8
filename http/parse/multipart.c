/* Reads multipart/form-data. Programs differ in what they take for a boundary, for the end of a
 * line and for a name, but all of them read what browsers send in the same way; therefore nothing
 * else is accepted. Uses nothing but APR, so that it can be tested and fuzzed on its own. */
#include "http/parse/multipart.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "http/parse/fields.h"
#include "session/span.h"

#define BOUNDARY_LENGTH 70 /* RFC 2046, 5.1.1 */

/* The first occurrence of `text` in a span, or NULL. */
static const char *find(secsession_span_t span, const char *text)
{
    return memmem(span.start, (apr_size_t)(span.end - span.start), text, strlen(text));
}

/* Whether a span begins with `text`, without regard to case; if so, `text` is removed from it. */
static int take(secsession_span_t *span, const char *text)
{
    apr_size_t length = strlen(text);

    if ((apr_size_t)(span->end - span->start) < length
        || strncasecmp(span->start, text, length) != 0) {
        return 0;
    }
    span->start += length;
    return 1;
}

/* The same for a parameter: a semicolon and blanks may be before `text`. */
static int take_parameter(secsession_span_t *span, const char *text)
{
    *span = secsession_span_skip_blanks(*span);
    if (!take(span, ";")) {
        return 0;
    }
    *span = secsession_span_skip_blanks(*span);
    return take(span, text);
}

/* Removes everything up to and including the next double quote from the span, and returns what was
 * before the quote. NULL if there is no quote. */
static const char *take_quoted(apr_pool_t *pool, secsession_span_t *span)
{
    const char *start = span->start, *quote = find(*span, "\"");

    if (quote == NULL) {
        return NULL;
    }
    span->start = quote + 1;
    return apr_pstrmemdup(pool, start, (apr_size_t)(quote - start));
}

/* The delimiter, which is two hyphens and the boundary. NULL if the boundary is not the only
 * parameter of the type, or contains characters that some programs take for its end. */
static const char *delimiter(apr_pool_t *pool, const char *type)
{
    static const char safe[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'+_.=-";
    secsession_span_t left = { type, type + strlen(type) };
    const char *boundary;

    if (!take(&left, "multipart/form-data") || !take_parameter(&left, "boundary=")) {
        return NULL;
    }
    if (take(&left, "\"")) {
        boundary = take_quoted(pool, &left);
    } else {
        apr_size_t length = strspn(left.start, safe);

        boundary = apr_pstrmemdup(pool, left.start, length);
        left.start += length;
    }
    left = secsession_span_skip_blanks(left);
    return left.start == left.end && boundary && *boundary && strlen(boundary) <= BOUNDARY_LENGTH
                   && boundary[strspn(boundary, safe)] == '\0'
               ? apr_pstrcat(pool, "--", boundary, NULL)
               : NULL;
}

/* What the header of a part says. */
typedef struct {
    const char *name; /* NULL: no Content-Disposition yet */
    int is_file;
    int lines;
} head_t;

/* Whether a name is free of everything that some programs would decode once more. */
static int is_plain_name(const char *name)
{
    return strpbrk(name, "%\\") == NULL && strstr(name, "=?") == NULL;
}

static int read_disposition(apr_pool_t *pool, secsession_span_t value, head_t *head)
{
    if (head->name || !take(&value, "form-data") || !take_parameter(&value, "name=\"")) {
        return 0;
    }
    head->name = take_quoted(pool, &value);
    if (head->name == NULL || !is_plain_name(head->name)) {
        return 0;
    }
    value = secsession_span_skip_blanks(value);
    if (value.start < value.end) {
        head->is_file = take_parameter(&value, "filename=\"") && take_quoted(pool, &value);
        value = secsession_span_skip_blanks(value);
    }
    return value.start == value.end;
}

/* Reads a header line without its line end. Returns 0 if no browser writes such a line. */
static int read_line(apr_pool_t *pool, secsession_span_t line, head_t *head)
{
    secsession_span_t at = line;

    for (const char *c = line.start; c < line.end; c++) {
        if (apr_iscntrl(*c) && *c != '\t') {
            return 0;
        }
    }
    head->lines++;
    if (take(&at, "content-disposition:")) {
        at = secsession_span_skip_blanks(at);
        return read_disposition(pool, at, head);
    }
    if (take(&at, "content-type:")) {
        at = secsession_span_skip_blanks(at);
        return !take(&at, "multipart/"); /* a part that has parts of its own */
    }
    while (at.start < at.end && (apr_isalnum(*at.start) || *at.start == '-')) {
        at.start++;
    }
    return at.start > line.start && take(&at, ":");
}

/* Reads the header of a part. Returns 0 if it does not name a field as browsers do. */
static int read_head(apr_pool_t *pool, secsession_span_t left, head_t *head)
{
    const char *end;

    while ((end = find(left, "\r\n")) != NULL) {
        if (!read_line(pool, (secsession_span_t){ left.start, end }, head)) {
            return 0;
        }
        left.start = end + 2;
    }
    return read_line(pool, left, head) && head->name;
}

/* Sets *value if this part is the field. Returns 0 if the form becomes ambiguous by it. */
static int read_part(apr_pool_t *pool, secsession_span_t part, const char *name, const char **value)
{
    const char *blank = find(part, "\r\n\r\n");
    head_t head = { .name = NULL };
    apr_size_t length;
    const char *text;

    if (blank == NULL || !read_head(pool, (secsession_span_t){ part.start, blank }, &head)) {
        return 0;
    }
    if (!secsession_fields_is_same(head.name, name)) {
        return 1;
    }
    length = (apr_size_t)(part.end - (blank + 4));
    text = apr_pstrmemdup(pool, blank + 4, length);
    if (strcmp(head.name, name) != 0 || head.is_file || head.lines != 1 || strlen(text) != length
        || (*value && strcmp(*value, text) != 0)) {
        return 0;
    }
    *value = text;
    return 1;
}

const char *secsession_multipart_get(apr_pool_t *pool, const char *type, const char *body,
                                     apr_size_t length, const char *name)
{
    const char *boundary = delimiter(pool, type), *value = NULL;
    secsession_span_t left = { body, body + length };
    apr_size_t boundary_length = boundary ? strlen(boundary) : 0;

    if (boundary == NULL || length < boundary_length
        || memcmp(body, boundary, boundary_length) != 0) {
        return NULL;
    }
    left.start += boundary_length;
    /* Programs differ in where they find a delimiter, so the boundary must occur nowhere else. */
    while (!take(&left, "--")) {
        const char *next = take(&left, "\r\n") ? find(left, boundary) : NULL;

        if (next == NULL || next - left.start < 2 || memcmp(next - 2, "\r\n", 2) != 0
            || !read_part(pool, (secsession_span_t){ left.start, next - 2 }, name, &value)) {
            return NULL;
        }
        left.start = next + boundary_length;
    }
    return left.start == left.end || (take(&left, "\r\n") && left.start == left.end) ? value : NULL;
}
