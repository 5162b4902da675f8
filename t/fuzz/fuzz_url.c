/* Session ids are removed from URLs completely, everything else is kept byte for byte, and no link
 * leads a browser to another host than before. */
/* links: http/parse/url.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/parse/url.h"

static const char *const NAMES[] = { "a", "sid", "x_y", NULL };

static char *text_of(apr_pool_t *pool, size_t size)
{
    return memset(apr_palloc(pool, size + 1), 0, size + 1);
}

/* Decodes every "%XX" once and keeps NULs. Returns the length. */
static size_t decode(const char *text, size_t size, char *decoded)
{
    size_t length = 0;

    for (size_t i = 0; i < size; i++) {
        char digits[3] = "";

        if (text[i] == '%' && i + 2 < size && isxdigit((unsigned char)text[i + 1])
            && isxdigit((unsigned char)text[i + 2])) {
            memcpy(digits, text + i + 1, 2);
            i += 2;
        }
        decoded[length++] = *digits ? (char)strtol(digits, NULL, 16) : text[i];
    }
    return length;
}

static char fold(char c)
{
    return c && strchr(" +.[", c) ? '_' : (char)(isascii(c) ? tolower(c) : c);
}

static int slowly_is_id(apr_pool_t *pool, const char *piece, size_t size)
{
    char *decoded = text_of(pool, size + 1);
    size_t length = decode(piece, size, decoded), start = 0;

    while (start < length && (decoded[start] == ' ' || decoded[start] == '+')) {
        start++;
    }
    for (const char *const *name = NAMES; *name; name++) {
        size_t n = 0;

        while ((*name)[n] && start + n < length && fold(decoded[start + n]) == (*name)[n]) {
            n++;
        }
        if ((*name)[n] == '\0'
            && (start + n == length || strchr("=[", decoded[start + n]) != NULL)) {
            return 1; /* strchr() finds a NUL, too */
        }
    }
    return 0;
}

static void check_query(apr_pool_t *pool, const char *query)
{
    char *expected = text_of(pool, strlen(query) + 1);
    secsession_url_ids_t ids = { 0 };
    int has_kept = 0, has_id = 0;

    for (const char *at = query, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, "&;");
        if (slowly_is_id(pool, at, (size_t)(end - at))) {
            has_id = 1;
            continue;
        }
        strncat(expected, has_kept ? at - 1 : at, (size_t)(end - at) + (has_kept ? 1 : 0));
        has_kept = 1;
    }
    REQUIRE(strcmp(secsession_url_clean_query(pool, query, NAMES, &ids), expected) == 0);
    REQUIRE((ids.name != NULL) == has_id);
}

/* Removes the bytes that a browser removes before it parses a URL (URL standard of the WHATWG). */
static char *repaired(apr_pool_t *pool, const char *link)
{
    char *out = text_of(pool, strlen(link)), *end = out;

    while (*link && (unsigned char)*link <= ' ') {
        link++;
    }
    for (; *link; link++) {
        if (!strchr("\t\r\n", *link)) {
            *end++ = *link == '\\' ? '/' : *link;
        }
    }
    *end = '\0';
    return out;
}

/* The scheme and the host to which a link leads; "" if they are those of the page. */
static char *place_of(apr_pool_t *pool, const char *link)
{
    char *url = repaired(pool, link), *at = url;

    if (isalpha((unsigned char)*at)) {
        while (isalnum((unsigned char)*at) || (*at && strchr("+-.", *at))) {
            at++;
        }
        if (*at == ':') {
            at++;
            if (strncasecmp(url, "http:", 5) != 0 && strncasecmp(url, "https:", 6) != 0) {
                return url;
            }
            at += strspn(at, "/");
            at[strcspn(at, "/?#")] = '\0';
            return url;
        }
    }
    at = url + strspn(url, "/");
    if (at - url < 2) {
        return text_of(pool, 0);
    }
    at[strcspn(at, "/?#")] = '\0';
    return at;
}

static void check_link(apr_pool_t *pool, const char *link)
{
    secsession_url_ids_t ids = { 0 }, again = { 0 };
    const char *clean = secsession_url_clean_link(pool, link, NAMES, &ids);

    REQUIRE((clean == link) == (ids.name == NULL));
    REQUIRE(strlen(clean) <= strlen(link));
    REQUIRE(strcmp(place_of(pool, clean), place_of(pool, link)) == 0);
    REQUIRE(secsession_url_clean_link(pool, clean, NAMES, &again) == clean && again.name == NULL);
    REQUIRE(*clean != '\0' || *link == '\0');
}

static void check_path(apr_pool_t *pool, const char *path)
{
    secsession_url_ids_t ids = { 0 }, again = { 0 };
    const char *clean = secsession_url_clean_path(pool, path, NAMES, &ids);

    REQUIRE((clean == path) == (ids.name == NULL) && !!ids.in_path == (ids.name != NULL));
    REQUIRE(secsession_url_clean_path(pool, clean, NAMES, &again) == clean && again.name == NULL);
    REQUIRE(*path != '/' || *clean == '/');
    REQUIRE(strstr(path, "//") || !strstr(clean, "//"));
    REQUIRE(ids.is_odd || strstr(path, "/../") || !strstr(clean, "/../"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *text = fuzz_string(pool, data, size);
    secsession_url_ids_t ids = { 0 };

    check_query(pool, text);
    check_link(pool, text);
    check_path(pool, text);
    secsession_url_clean_target(pool, text, NAMES, &ids);
    secsession_url_clean_refresh(pool, text, NAMES, &ids);
    secsession_url_clean_links(pool, text, NAMES, &ids);
    fuzz_pool_destroy(pool);
    return 0;
}
