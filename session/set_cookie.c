/* Reading a Set-Cookie field. Numbers in comments are sections of RFC 6265bis. */
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "session/date.h"
#include "session/jar.h"
#include "session/span.h"

#define PAIR_BYTES 4096                         /* of a name and its value (5.6) */
#define ATTRIBUTE_BYTES 1024                    /* of an attribute's value (5.6) */
#define FARTHEST ((apr_int64_t)400 * 24 * 3600) /* seconds until a cookie expires (5.6.1, 5.6.2) */

/* A part of the field without the blanks around it. */
static char *trimmed(apr_pool_t *pool, const char *start, const char *end)
{
    const secsession_span_t span = secsession_span_trim(start, end);

    return apr_pstrmemdup(pool, span.start, (apr_size_t)(span.end - span.start));
}

static int has_control(const char *text)
{
    for (; *text; text++) {
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7F) {
            return 1;
        }
    }
    return 0;
}

static const char *default_path(apr_pool_t *pool, const char *path)
{
    const char *slash = strrchr(path, '/');

    return *path != '/' || slash == path ? "/"
                                         : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

/* 5.6.2: a value that is no number is ignored. */
static int read_max_age(const char *value, apr_int64_t *seconds)
{
    int is_negative = *value == '-';
    const char *digits = value + is_negative;

    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
        return 0;
    }
    digits += strspn(digits, "0");
    if (is_negative) {
        *seconds = 0;
    } else {
        *seconds = strlen(digits) > 9 ? FARTHEST : apr_atoi64(digits);
    }
    return 1;
}

/* What the attributes of one field said. */
typedef struct {
    int has_max_age, is_secure, is_dropped;
    apr_int64_t max_age;
    apr_int64_t expires; /* 0: not said */
    const char *domain;  /* NULL: not said */
    const char *path;    /* NULL: not said */
    const char *same_site;
} attributes_t;

static void read_domain(apr_pool_t *pool, const char *value, attributes_t *attributes)
{
    char *domain = apr_pstrdup(pool, value + (*value == '.'));

    for (char *c = domain; *c; c++) {
        *c = (char)apr_tolower(*c);
    }
    attributes->domain = domain;
}

static void read_same_site(const char *value, attributes_t *attributes)
{
    static const char *const known[] = { "strict", "lax", "none" };

    attributes->same_site = "";
    for (int i = 0; i < 3; i++) {
        if (strcasecmp(value, known[i]) == 0) {
            attributes->same_site = known[i];
        }
    }
}

static void read_attribute(apr_pool_t *pool, const char *name, const char *value, apr_int64_t now,
                           attributes_t *attributes)
{
    apr_int64_t seconds;

    if (strlen(value) > ATTRIBUTE_BYTES) {
        return;
    }
    if (strcasecmp(name, "Expires") == 0 && secsession_date_parse(value, &seconds)) {
        attributes->expires = seconds < 1 ? 1 : seconds;
    } else if (strcasecmp(name, "Max-Age") == 0 && read_max_age(value, &seconds)) {
        attributes->has_max_age = 1;
        attributes->max_age = seconds;
    } else if (strcasecmp(name, "Domain") == 0) {
        read_domain(pool, value, attributes);
    } else if (strcasecmp(name, "Path") == 0) {
        attributes->path = *value == '/' ? value : NULL;
    } else if (strcasecmp(name, "Secure") == 0) {
        attributes->is_secure = 1;
    } else if (strcasecmp(name, "SameSite") == 0) {
        read_same_site(value, attributes);
    }
}

static int has_prefix(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether the cookie is what the prefix of its name promises. A cookie without a name must not look
 * like one with such a prefix (5.7, 20 to 22). */
static int keeps_promise(const secsession_kept_t *cookie, const attributes_t *attributes)
{
    if (*cookie->name == '\0') {
        return !has_prefix(cookie->value, "__Secure-") && !has_prefix(cookie->value, "__Host-");
    }
    if (has_prefix(cookie->name, "__Secure-")) {
        return attributes->is_secure;
    }
    return !has_prefix(cookie->name, "__Host-")
           || (attributes->is_secure && cookie->host_only && attributes->path
               && strcmp(cookie->path, "/") == 0);
}

/* Max-Age wins over Expires (5.7, 3). */
static void set_expiry(secsession_kept_t *cookie, const attributes_t *attributes, apr_int64_t now)
{
    cookie->expires = attributes->has_max_age ? now + attributes->max_age : attributes->expires;
    if (cookie->expires != 0 && cookie->expires <= now) {
        cookie->value = NULL;
    }
    if (cookie->expires > now + FARTHEST) {
        cookie->expires = now + FARTHEST;
    }
}

/* Where the cookie is for. A domain without a dot would be everybody's, so it is good for that very
 * host only; the list of public suffixes is not consulted, since a session's cookies go to hosts of
 * its own realm only (5.7, 9 to 11). */
static int set_scope(apr_pool_t *pool, secsession_kept_t *cookie, const attributes_t *attributes,
                     const secsession_asker_t *asker)
{
    const char *domain = attributes->domain ? attributes->domain : "";

    cookie->path = attributes->path ? attributes->path : default_path(pool, asker->path);
    cookie->host_only = strchr(domain, '.') == NULL;
    cookie->domain = cookie->host_only ? asker->host : domain;
    return cookie->host_only ? *domain == '\0' || strcmp(domain, asker->host) == 0
                             : secsession_jar_domain_matches(asker->host, domain);
}

int secsession_jar_parse(apr_pool_t *pool, const char *field, const secsession_asker_t *asker,
                         apr_int64_t now, secsession_kept_t *cookie)
{
    attributes_t attributes = { .same_site = "" };
    const char *end = field + strcspn(field, ";");
    const char *equals = memchr(field, '=', (apr_size_t)(end - field));

    cookie->name = equals ? trimmed(pool, field, equals) : "";
    cookie->value = trimmed(pool, equals ? equals + 1 : field, end);
    if (has_control(field) || strlen(cookie->name) + strlen(cookie->value) > PAIR_BYTES
        || (*cookie->name == '\0' && *cookie->value == '\0')) {
        return 0;
    }
    while (*end == ';') {
        const char *start = end + 1;

        end = start + strcspn(start, ";");
        equals = memchr(start, '=', (apr_size_t)(end - start));
        read_attribute(pool, trimmed(pool, start, equals ? equals : end),
                       equals ? trimmed(pool, equals + 1, end) : "", now, &attributes);
    }
    cookie->same_site = attributes.same_site;
    if (!set_scope(pool, cookie, &attributes, asker) || !keeps_promise(cookie, &attributes)) {
        return 0;
    }
    set_expiry(cookie, &attributes, now);
    return 1;
}
