/* Reading multipart/form-data. Programs differ in what they take for a boundary, for the end of
 * a line and for a name; what browsers send is the same to all of them. Needs APR alone, so that
 * it can be tested and fuzzed alone. */
#include "http/parse/multipart.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "http/parse/fields.h"
#include "session/span.h"

#define BOUNDARY_LENGTH 70 /* RFC 2046, 5.1.1 */

/* The first `text` in a span; NULL if it is not there. */
static const char *find(secsession_span_t span, const char *text)
{
    return memmem(span.start, (apr_size_t)(span.end - span.start), text, strlen(text));
}

/* Whether a span begins with `text`, in lower case; it begins behind it then. */
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

/* The same behind a semicolon. */
static int take_parameter(secsession_span_t *span, const char *text)
{
    *span = secsession_span_skip_blanks(*span);
    if (!take(span, ";")) {
        return 0;
    }
    *span = secsession_span_skip_blanks(*span);
    return take(span, text);
}

/* Takes what stands before the next double quote, and that. NULL if there is none. */
static const char *take_quoted(apr_pool_t *pool, secsession_span_t *span)
{
    const char *start = span->start, *quote = find(*span, "\"");

    if (quote == NULL) {
        return NULL;
    }
    span->start = quote + 1;
    return apr_pstrmemdup(pool, start, (apr_size_t)(quote - start));
}

/* Two hyphens and the boundary, the only parameter of the type; NULL if it is not so, or made of
 * characters that some programs take for its end. */
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

/* What the head of a part says. */
typedef struct {
    const char *name; /* NULL: not said */
    int is_file;
    int lines;
} head_t;

/* No name that is encoded once more, in one of the ways that some programs decode. */
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

/* Reads a line without its end. Whether it is a field as browsers write it. */
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
        return !take(&at, "multipart/"); /* parts of a part */
    }
    while (at.start < at.end && (apr_isalnum(*at.start) || *at.start == '-')) {
        at.start++;
    }
    return at.start > line.start && take(&at, ":");
}

/* Reads the head of a part. Whether it names a field. */
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

/* Sets *value if this part is the field. Whether the form still has one meaning. */
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
    /* Wherever the boundary is, it must be a delimiter: programs differ in where they find one. */
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
