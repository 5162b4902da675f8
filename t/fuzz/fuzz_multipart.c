/* The input is a Content-Type, a NUL, and a multipart body. If the user name is found in it, a
 * program that reads forms as PHP does finds the same one: such a program reads line by line,
 * whatever the line ends are, and uses the last field of a name. */
/* links: http/parse/multipart.c http/parse/fields.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#include "http/parse/multipart.h"

typedef struct {
    const char *at, *end;
} text_t;

static const char *boundary_of(apr_pool_t *pool, const char *type)
{
    const char *boundary = strcasestr(type, "boundary");

    boundary = boundary ? strchr(boundary, '=') : NULL;
    if (boundary == NULL) {
        return "";
    }
    boundary++;
    return *boundary == '"' ? apr_pstrmemdup(pool, boundary + 1, strcspn(boundary + 1, "\""))
                            : apr_pstrmemdup(pool, boundary, strcspn(boundary, ",; \t"));
}

/* The next line without its line end, cut at a NUL; NULL after the last line. */
static const char *next_line(apr_pool_t *pool, text_t *text)
{
    const char *start = text->at;
    const char *feed = start < text->end ? memchr(start, '\n', (size_t)(text->end - start)) : NULL;
    size_t length = (size_t)((feed ? feed : text->end) - start);

    if (start == text->end) {
        return NULL;
    }
    text->at = feed ? feed + 1 : text->end;
    length -= length > 0 && start[length - 1] == '\r';
    return apr_pstrmemdup(pool, start, length);
}

/* The last name="…" of a Content-Disposition, or NULL for a file. */
static const char *name_in(apr_pool_t *pool, const char *line)
{
    const char *name = NULL;

    for (const char *at = strcasestr(line, "name="); at; at = strcasestr(at, "name=")) {
        if (at - line >= 4 && strncasecmp(at - 4, "file", 4) == 0) {
            return NULL;
        }
        at += 5 + (at[5] == '"');
        name = apr_pstrmemdup(pool, at, strcspn(at, "\";"));
    }
    return name;
}

static const char *read_as_php(apr_pool_t *pool, const char *type, text_t left, const char *wanted)
{
    const char *delimiter = apr_pstrcat(pool, "\n--", boundary_of(pool, type), NULL);
    const char *line, *value = NULL;

    do {
        line = next_line(pool, &left);
    } while (line && strcmp(line, delimiter + 1) != 0);
    while (line) {
        const char *name = NULL, *end, *start;

        for (line = next_line(pool, &left); line && *line; line = next_line(pool, &left)) {
            if (strncasecmp(line, "content-disposition:", 20) == 0) {
                name = name_in(pool, line);
            }
        }
        start = left.at;
        end = line ? memmem(start - 1, (size_t)(left.end - start) + 1, delimiter, strlen(delimiter))
                   : NULL;
        if (end == NULL) {
            break;
        }
        if (name && strcmp(name + strspn(name, " "), wanted) == 0) {
            size_t length = end > start ? (size_t)(end - start) : 0;

            length -= length > 0 && start[length - 1] == '\r';
            value = apr_pstrmemdup(pool, start, length);
        }
        left.at = end + 1;
        line = next_line(pool, &left);
        line = line && strncmp(line + strlen(delimiter) - 1, "--", 2) == 0 ? NULL : line;
    }
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    size_t length = size ? strnlen((const char *)data, size) : 0;
    const char *type = fuzz_string(pool, data, length);
    size_t start = length + (length < size);
    const char *body = size > start ? apr_pmemdup(pool, data + start, size - start)
                                    : apr_pstrmemdup(pool, "", 0);
    const char *value = secsession_multipart_get(pool, type, body, size - start, "user");

    if (value) {
        const char *read = read_as_php(pool, type, (text_t){ body, body + (size - start) }, "user");

        REQUIRE(read != NULL && strcmp(read, value) == 0);
    }
    fuzz_pool_destroy(pool);
    return 0;
}
