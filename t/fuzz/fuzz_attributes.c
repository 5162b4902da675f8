/* Hardening a Set-Cookie field keeps its cookie and its attributes, and adds each missing attribute
 * once. */
/* links: http/parse/attributes.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#include "http/parse/attributes.h"

#define MOST 64

typedef struct {
    char *texts[MOST]; /* without blanks around them, and none is empty */
    size_t count;
} attributes_t;

static char *trimmed(apr_pool_t *pool, const char *text, size_t length)
{
    char *copy = apr_pstrmemdup(pool, text, length);

    copy += strspn(copy, " \t");
    for (char *end = copy + strlen(copy); end > copy && strchr(" \t", end[-1]);) {
        *--end = '\0';
    }
    return copy;
}

/* Returns 0 if there are more than fit. */
static int read_attributes(apr_pool_t *pool, const char *field, attributes_t *attributes)
{
    attributes->count = 0;
    for (const char *at = field + strcspn(field, ";"); *at;) {
        size_t length = strcspn(at + 1, ";");
        char *text = trimmed(pool, at + 1, length);

        at += 1 + length;
        if (*text && attributes->count == MOST) {
            return 0;
        }
        if (*text) {
            attributes->texts[attributes->count++] = text;
        }
    }
    return 1;
}

static int is_called(apr_pool_t *pool, const char *attribute, const char *name)
{
    return strcasecmp(trimmed(pool, attribute, strcspn(attribute, "=")), name) == 0;
}

/* The last attribute of that name, or NULL. */
static char **find(apr_pool_t *pool, attributes_t *attributes, const char *name)
{
    for (size_t i = attributes->count; i > 0; i--) {
        if (is_called(pool, attributes->texts[i - 1], name)) {
            return &attributes->texts[i - 1];
        }
    }
    return NULL;
}

static int is_same_site(apr_pool_t *pool, const char *attribute, const char *value)
{
    const char *equals = strchr(attribute, '=');

    return equals && strcasecmp(trimmed(pool, equals + 1, strlen(equals + 1)), value) == 0;
}

static void add(apr_pool_t *pool, attributes_t *attributes, const char *text)
{
    REQUIRE(attributes->count < MOST);
    attributes->texts[attributes->count++] = apr_pstrmemdup(pool, text, strlen(text));
}

static void slowly_harden(apr_pool_t *pool, attributes_t *attributes, int is_secure,
                          int is_http_only)
{
    char **same_site = find(pool, attributes, "SameSite");
    int is_none = same_site && is_same_site(pool, *same_site, "None");

    if (same_site && !is_none && !is_same_site(pool, *same_site, "Lax")
        && !is_same_site(pool, *same_site, "Strict")) {
        *same_site = apr_pstrmemdup(pool, "SameSite=Lax", 12);
    }
    if ((is_secure || is_none) && !find(pool, attributes, "Secure")) {
        add(pool, attributes, "Secure");
    }
    if (is_http_only && !find(pool, attributes, "HttpOnly")) {
        add(pool, attributes, "HttpOnly");
    }
    if (!same_site) {
        add(pool, attributes, "SameSite=Lax");
    }
}

static void check(apr_pool_t *pool, const char *field, int is_secure, int is_http_only)
{
    const char *hardened = secsession_attributes_harden(pool, field, is_secure, is_http_only);
    size_t pair = strcspn(field, ";");
    attributes_t expected, found;

    REQUIRE(secsession_attributes_harden(pool, hardened, is_secure, is_http_only) == hardened);
    if (*trimmed(pool, field, pair) == '\0') {
        REQUIRE(hardened == field);
        return;
    }
    if (!read_attributes(pool, field, &expected) || expected.count > MOST - 3) {
        return;
    }
    slowly_harden(pool, &expected, is_secure, is_http_only);
    REQUIRE(strcspn(hardened, ";") == pair && memcmp(hardened, field, pair) == 0);
    REQUIRE(read_attributes(pool, hardened, &found) && found.count == expected.count);
    for (size_t i = 0; i < found.count; i++) {
        REQUIRE(strcmp(found.texts[i], expected.texts[i]) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *field = fuzz_string(pool, data, size);

    for (int flags = 0; flags < 4; flags++) {
        check(pool, field, flags & 1, flags >> 1);
    }
    fuzz_pool_destroy(pool);
    return 0;
}
