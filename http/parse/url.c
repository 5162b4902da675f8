/* Finds session ids in URLs and writes the URLs without them. Uses nothing but APR's pools, so that
 * it can be tested and fuzzed on its own. */
#include "http/parse/url.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#include "http/parse/hex.h"

/* The decoded byte at `at`; *length is set to the number of bytes that encode it. */
static int byte_at(const char *at, const char *end, size_t *length)
{
    *length = 1;
    if (*at == '%' && end - at >= 3) {
        int high = secsession_hex_value(at[1]), low = secsession_hex_value(at[2]);

        if (high >= 0 && low >= 0) {
            *length = 3;
            return high * 16 + low;
        }
    }
    return (unsigned char)*at;
}

/* PHP replaces characters that cannot be in the name of a variable by "_". */
static int fold(int byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return byte | 0x20;
    }
    return byte == '.' || byte == ' ' || byte == '+' || byte == '[' ? '_' : byte;
}

static const char *skip_blanks(const char *at, const char *end)
{
    size_t length;
    int byte;

    while (at < end && ((byte = byte_at(at, end, &length)) == ' ' || byte == '+')) {
        at += length;
    }
    return at;
}

/* Whether `name` is the name of the argument or parameter [at, end). */
static int is_called(const char *at, const char *end, const char *name)
{
    size_t length;
    int next;

    for (at = skip_blanks(at, end); *name; name++, at += length) {
        if (at >= end || fold(byte_at(at, end, &length)) != fold((unsigned char)*name)) {
            return 0;
        }
    }
    next = at < end ? byte_at(at, end, &length) : '=';
    return next == '=' || next == '[' || next == '\0';
}

/* Whether the argument or parameter [start, end) is a session id, which has to be removed. */
static int is_id(const char *start, const char *end, const char *const *names,
                 secsession_url_ids_t *ids)
{
    while (*names && !is_called(start, end, *names)) {
        names++;
    }
    if (*names && ids->name == NULL) {
        ids->name = *names;
    }
    return *names != NULL;
}

static char *copy(char *out, const char *start, const char *end)
{
    memcpy(out, start, (size_t)(end - start));
    return out + (end - start);
}

/* Writes the query [at, end) without session ids. A separator belongs to the argument after it. */
static char *write_query(char *out, const char *at, const char *end, const char *const *names,
                         secsession_url_ids_t *ids)
{
    int has_kept = 0;

    for (const char *next; at <= end; at = next + 1) {
        next = at;
        while (next < end && *next != '&' && *next != ';') {
            next++;
        }
        if (!is_id(at, next, names, ids)) {
            out = copy(out, has_kept ? at - 1 : at, next);
            has_kept = 1;
        }
    }
    return out;
}

/* Returns '/' at a separator of segments, ';' at a separator of parameters, else 0. Browsers and
 * Windows take a backslash for a slash. */
static int separator_at(const char *at, const char *end, size_t *length)
{
    int byte = byte_at(at, end, length);

    if (byte == '/' || byte == '\\') {
        return '/';
    }
    return byte == ';' ? ';' : 0;
}

static const char *end_of_piece(const char *at, const char *end)
{
    size_t length;

    while (at < end && !separator_at(at, end, &length)) {
        at += length;
    }
    return at;
}

static int is_dot_segment(const char *at, const char *end)
{
    size_t length;
    int dots = 0;

    for (; at < end; at += length, dots++) {
        if (byte_at(at, end, &length) != '.') {
            return 0;
        }
    }
    return dots <= 2;
}

/* The path that is being written. */
typedef struct {
    char *start;
    char *segment; /* where the last segment begins */
    char *out;
    int is_cut; /* a session id has been removed from that segment */
} writer_t;

static void end_segment(writer_t *writer, int is_last, secsession_url_ids_t *ids)
{
    /* A relative reference that was only an id becomes ".": an empty one would mean the page it is
     * on. */
    int is_needed = !is_last || writer->segment == writer->start;

    if (writer->is_cut && (writer->out > writer->segment || is_needed)) {
        ids->is_odd |= is_dot_segment(writer->segment, writer->out);
        if (writer->out == writer->segment) {
            *writer->out++ = '.';
        }
    }
    writer->is_cut = 0;
}

/* Writes the path [at, end) without session ids. */
static char *write_path(char *out, const char *at, const char *end, const char *const *names,
                        secsession_url_ids_t *ids)
{
    writer_t writer = { out, out, out, 0 };

    while (at < end) {
        size_t length;
        int separator = separator_at(at, end, &length);
        const char *next = separator ? end_of_piece(at + length, end) : at + length;

        if (separator == ';' && is_id(at + length, next, names, ids)) {
            ids->in_path = writer.is_cut = 1;
        } else {
            if (separator == '/') {
                end_segment(&writer, 0, ids);
                writer.segment = writer.out + length;
            }
            writer.out = copy(writer.out, at, next);
        }
        at = next;
    }
    end_segment(&writer, 1, ids);
    return writer.out;
}

/* Writes the query [at, end), which begins with its "?", without session ids. If the whole
 * reference was only a query (`is_all`), the "?" is kept even if nothing follows: an empty
 * reference would mean the page it is on, with its query. */
static char *write_arguments(char *out, const char *at, const char *end, int is_all,
                             const char *const *names, secsession_url_ids_t *ids)
{
    char *start = out;

    if (at < end) {
        *out++ = '?';
        out = write_query(out, at + 1, end, names, ids);
        if (out == start + 1 && end > at + 1 && !is_all) {
            out = start;
        }
    }
    return out;
}

/* Returns `text` if no id has been removed, else its copy, which ends at `end`. */
static const char *result(const char *text, char *kept, char *end, const secsession_url_ids_t *here,
                          secsession_url_ids_t *ids)
{
    *end = '\0';
    if (here->name == NULL) {
        return text;
    }
    ids->name = ids->name ? ids->name : here->name;
    ids->in_path |= here->in_path;
    ids->is_odd |= here->is_odd;
    return kept;
}

const char *secsession_url_clean_path(apr_pool_t *pool, const char *path, const char *const *names,
                                      secsession_url_ids_t *ids)
{
    secsession_url_ids_t here = { 0 };
    size_t length = strlen(path);
    char *kept = apr_palloc(pool, length + 1);

    return result(path, kept, write_path(kept, path, path + length, names, &here), &here, ids);
}

const char *secsession_url_clean_query(apr_pool_t *pool, const char *query,
                                       const char *const *names, secsession_url_ids_t *ids)
{
    secsession_url_ids_t here = { 0 };
    size_t length = strlen(query);
    char *kept = apr_palloc(pool, length + 1);

    return result(query, kept, write_query(kept, query, query + length, names, &here), &here, ids);
}

/* `path` points to where the path begins in `url`. */
static const char *clean_url(apr_pool_t *pool, const char *url, const char *path,
                             const char *const *names, secsession_url_ids_t *ids)
{
    const char *arguments = path + strcspn(path, "?#");
    const char *fragment = arguments + strcspn(arguments, "#");
    secsession_url_ids_t here = { 0 };
    char *kept = apr_palloc(pool, strlen(url) + 1), *out = kept;

    out = copy(out, url, path);
    out = write_path(out, path, arguments, names, &here);
    out = write_arguments(out, arguments, fragment, arguments == url, names, &here);
    out = copy(out, fragment, fragment + strlen(fragment));
    return result(url, kept, out, &here, ids);
}

/* The length of "scheme:" at the start of a URL, or 0 if it has no scheme. */
static size_t scheme_length(const char *url)
{
    size_t length = strspn(url,
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    return length > 0 && url[length] == ':' ? length + 1 : 0;
}

/* Where every browser takes the path of a reference to begin, however many slashes and backslashes
 * are before the host. NULL if browsers would repair the reference first, or if its scheme is
 * neither http nor https. */
static const char *path_of(const char *url)
{
    size_t scheme = scheme_length(url);
    size_t slashes = strspn(url + scheme, "/\\");
    size_t end = strcspn(url, "?#");

    for (size_t i = 0; i < end; i++) {
        if ((unsigned char)url[i] <= ' ' || url[i] == 0x7F) {
            return NULL;
        }
    }
    if (scheme && strncasecmp(url, "http:", scheme) != 0
        && strncasecmp(url, "https:", scheme) != 0) {
        return NULL;
    }
    if (scheme == 0 && slashes < 2) {
        return url;
    }
    url += scheme + slashes;
    return url + strcspn(url, "/\\?#");
}

const char *secsession_url_clean_target(apr_pool_t *pool, const char *target,
                                        const char *const *names, secsession_url_ids_t *ids)
{
    const char *path = *target == '/' ? target : path_of(target);

    return path ? clean_url(pool, target, path, names, ids) : target;
}

const char *secsession_url_clean_link(apr_pool_t *pool, const char *link, const char *const *names,
                                      secsession_url_ids_t *ids)
{
    const char *path = path_of(link);

    return path ? clean_url(pool, link, path, names, ids) : link;
}

#define BLANKS " \t\n\f\r"

/* Where the URL in a Refresh field begins, as the HTML standard says ("shared declarative refresh
 * steps"); NULL if there is none. *quote is set to the quotation mark that ends it, if there is
 * one. */
static const char *url_of_refresh(const char *at, char *quote)
{
    size_t number, separator;

    at += strspn(at, BLANKS);
    number = strspn(at, "0123456789.");
    separator = strspn(at + number, BLANKS ";,");
    if (number == 0 || separator == 0) {
        return NULL;
    }
    at += number + separator;
    if (strncasecmp(at, "url", 3) == 0 && at[3 + strspn(at + 3, BLANKS)] == '=') {
        at += 3 + strspn(at + 3, BLANKS) + 1;
        at += strspn(at, BLANKS);
    }
    if (*at == '\'' || *at == '"') {
        *quote = *at++;
    }
    return at;
}

const char *secsession_url_clean_refresh(apr_pool_t *pool, const char *refresh,
                                         const char *const *names, secsession_url_ids_t *ids)
{
    char quote = '\0', *url, *kept, *out;
    const char *start = url_of_refresh(refresh, &quote), *end, *clean;

    if (start == NULL) {
        return refresh;
    }
    end = quote && strchr(start, quote) ? strchr(start, quote) : start + strlen(start);
    url = apr_palloc(pool, (size_t)(end - start) + 1);
    *copy(url, start, end) = '\0';
    clean = secsession_url_clean_link(pool, url, names, ids);
    if (clean == url) {
        return refresh;
    }
    kept = apr_palloc(pool, strlen(refresh) + 1);
    out = copy(kept, refresh, start);
    out = copy(out, clean, clean + strlen(clean));
    *copy(out, end, end + strlen(end)) = '\0';
    return kept;
}

/* Behind a quoted string that begins at `at`. */
static const char *end_of_quoted(const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        at += *at == '\\' && at[1];
    }
    return at + (*at == '"');
}

const char *secsession_url_clean_links(apr_pool_t *pool, const char *links,
                                       const char *const *names, secsession_url_ids_t *ids)
{
    char *kept = apr_palloc(pool, strlen(links) + 1), *out = kept;
    secsession_url_ids_t here = { 0 };
    const char *at = links;

    while (*at) {
        const char *end = *at == '"' ? end_of_quoted(at) : at + 1;
        size_t length = *at == '<' ? strcspn(end, ">") : 0;

        out = copy(out, at, end);
        if (length > 0) {
            const char *link = apr_pstrmemdup(pool, end, length);

            link = secsession_url_clean_link(pool, link, names, &here);
            out = copy(out, link, link + strlen(link));
        }
        at = end + length;
    }
    return result(links, kept, out, &here, ids);
}
