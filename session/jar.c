/* See jar.h. Numbers in comments are sections of RFC 6265bis. */
#include "session/jar.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "session/date.h"

#define PAIR_BYTES 4096                         /* of a name and its value (5.6) */
#define ATTRIBUTE_BYTES 1024                    /* of an attribute's value (5.6) */
#define FARTHEST ((apr_int64_t)400 * 24 * 3600) /* seconds until a cookie expires (5.6.1, 5.6.2) */

secsession_jar_t *secsession_jar_make(apr_pool_t *pool)
{
    return apr_array_make(pool, 4, sizeof(secsession_kept_t));
}

static secsession_kept_t *cookies_of(const secsession_jar_t *jar)
{
    return (secsession_kept_t *)jar->elts;
}

/* --- reading --------------------------------------------------------------------------------- */

/* A part of the field without the blanks around it. */
static char *trimmed(apr_pool_t *pool, const char *start, const char *end)
{
    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }
    while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    return apr_pstrmemdup(pool, start, (apr_size_t)(end - start));
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

/* Whether `host` is `domain` or below it; no address is below anything (5.1.3). */
static int domain_matches(const char *host, const char *domain)
{
    apr_size_t host_length = strlen(host), length = strlen(domain);

    if (strcmp(host, domain) == 0) {
        return 1;
    }
    return host_length > length && strcmp(host + host_length - length, domain) == 0
           && host[host_length - length - 1] == '.' && strchr(host, ':') == NULL
           && !apr_isdigit(host[host_length - 1]);
}

/* 5.1.4 */
static int path_matches(const char *path, const char *below)
{
    apr_size_t length = strlen(below);

    return strncmp(path, below, length) == 0
           && (path[length] == '\0' || path[length] == '/' || below[length - 1] == '/');
}

static const char *default_path(apr_pool_t *pool, const char *path)
{
    const char *slash = strrchr(path, '/');

    return *path != '/' || slash == path ? "/"
                                         : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

/* 5.6.2: what is no number is as if it had not been said. */
static int read_max_age(const char *value, apr_int64_t *seconds)
{
    apr_size_t length = strlen(value);

    if (length == 0 || strspn(value + (*value == '-'), "0123456789") != length - (*value == '-')
        || (*value == '-' && length == 1)) {
        return 0;
    }
    *seconds = *value == '-' ? 0 : length > 9 ? FARTHEST : apr_atoi64(value);
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

/* What a name promises by its prefix must be so; and no cookie without a name may look like one that
 * promises (5.7, 20 to 22). */
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

/* Where the cookie is for. A domain without a dot would be everybody's; the list of public suffixes
 * is not consulted, since a session's cookies go to hosts of its own realm only (5.7, 9 to 11). */
static int set_scope(apr_pool_t *pool, secsession_kept_t *cookie, const attributes_t *attributes,
                     const secsession_asker_t *asker)
{
    const char *domain = attributes->domain;

    cookie->path = attributes->path ? attributes->path : default_path(pool, asker->path);
    cookie->host_only = domain == NULL || *domain == '\0';
    cookie->domain = cookie->host_only ? asker->host : domain;
    return cookie->host_only || strcmp(domain, asker->host) == 0
           || (strchr(domain, '.') && domain_matches(asker->host, domain));
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

/* --- keeping --------------------------------------------------------------------------------- */

static int is_same_cookie(const secsession_kept_t *one, const secsession_kept_t *other)
{
    return strcmp(one->name, other->name) == 0 && strcmp(one->domain, other->domain) == 0
           && strcmp(one->path, other->path) == 0;
}

static int is_expired(const secsession_kept_t *cookie, apr_int64_t now)
{
    return cookie->expires != 0 && cookie->expires <= now;
}

/* Whether a server must hear of the new one: applications that send the same cookie with every
 * response, to keep it for a week from now, shall not cost a write each time. */
static int is_news(const secsession_kept_t *old, const secsession_kept_t *new, apr_int64_t now)
{
    apr_int64_t moved = new->expires > old->expires ? new->expires - old->expires
                                                    : old->expires - new->expires;

    return is_expired(old, now) || strcmp(old->value, new->value) != 0
           || strcmp(old->same_site, new->same_site) != 0 || old->host_only != new->host_only
           || (old->expires == 0) != (new->expires == 0) || moved * 10 > old->expires - now;
}

static void remove_at(secsession_jar_t *jar, int at)
{
    secsession_kept_t *cookies = cookies_of(jar);

    jar->nelts--;
    memmove(cookies + at, cookies + at + 1, (apr_size_t)(jar->nelts - at) * sizeof(*cookies));
}

int secsession_jar_set(secsession_jar_t *jar, const secsession_kept_t *cookie, apr_int64_t now)
{
    secsession_kept_t *cookies = cookies_of(jar);

    for (int i = 0; i < jar->nelts; i++) {
        if (is_same_cookie(&cookies[i], cookie)) {
            int changes = cookie->value == NULL || is_news(&cookies[i], cookie, now);

            if (cookie->value == NULL) {
                remove_at(jar, i);
            } else if (changes) {
                cookies[i] = *cookie;
            }
            return changes;
        }
    }
    if (cookie->value == NULL) {
        return 0;
    }
    APR_ARRAY_PUSH(jar, secsession_kept_t) = *cookie;
    return 1;
}

void secsession_jar_note(secsession_jar_t *changes, const secsession_kept_t *cookie)
{
    secsession_kept_t *noted = cookies_of(changes);

    for (int i = 0; i < changes->nelts; i++) {
        if (is_same_cookie(&noted[i], cookie)) {
            noted[i] = *cookie;
            return;
        }
    }
    APR_ARRAY_PUSH(changes, secsession_kept_t) = *cookie;
}

int secsession_jar_fits(const secsession_jar_t *jar)
{
    const secsession_kept_t *cookies = cookies_of(jar);
    apr_size_t bytes = 0;

    for (int i = 0; i < jar->nelts; i++) {
        bytes += strlen(cookies[i].name) + strlen(cookies[i].value);
    }
    return jar->nelts <= SECSESSION_JAR_COOKIES && bytes <= SECSESSION_JAR_BYTES;
}

/* --- sending --------------------------------------------------------------------------------- */

/* 5.8.3; a cookie whose SameSite was not said is taken for "lax". */
static int is_for(const secsession_kept_t *cookie, const secsession_asker_t *asker, apr_int64_t now)
{
    if (is_expired(cookie, now) || !path_matches(asker->path, cookie->path)
        || !(cookie->host_only ? strcmp(asker->host, cookie->domain) == 0
                               : domain_matches(asker->host, cookie->domain))) {
        return 0;
    }
    if (!asker->is_cross_site || strcmp(cookie->same_site, "none") == 0) {
        return 1;
    }
    return asker->is_top_level && strcmp(cookie->same_site, "strict") != 0;
}

const char *secsession_jar_field(apr_pool_t *pool, const secsession_jar_t *jar,
                                 const secsession_asker_t *asker, apr_int64_t now)
{
    const secsession_kept_t **chosen = apr_palloc(pool,
                                                  (apr_size_t)(jar->nelts + 1) * sizeof(*chosen));
    const char *field = NULL;
    int count = 0;

    for (int i = 0; i < jar->nelts; i++) {
        const secsession_kept_t *cookie = &cookies_of(jar)[i];
        int at = count;

        if (!is_for(cookie, asker, now)) {
            continue;
        }
        for (; at > 0 && strlen(chosen[at - 1]->path) < strlen(cookie->path); at--) {
            chosen[at] = chosen[at - 1];
        }
        chosen[at] = cookie;
        count++;
    }
    for (int i = 0; i < count; i++) {
        field = apr_pstrcat(pool, field ? field : "", field ? "; " : "", chosen[i]->name,
                            *chosen[i]->name ? "=" : "", chosen[i]->value, NULL);
    }
    return field;
}

/* --- as bytes -------------------------------------------------------------------------------- */

#define FIELDS 7

const char *secsession_jar_pack(apr_pool_t *pool, const secsession_jar_t *jar, apr_size_t *length)
{
    apr_size_t size = 1;
    char *bytes, *at;

    for (int i = 0; i < jar->nelts; i++) {
        const secsession_kept_t *cookie = &cookies_of(jar)[i];

        size += strlen(cookie->name) + strlen(cookie->value) + strlen(cookie->domain)
                + strlen(cookie->path) + strlen(cookie->same_site) + FIELDS + 32;
    }
    bytes = at = apr_palloc(pool, size);
    for (int i = 0; i < jar->nelts; i++) {
        const secsession_kept_t *cookie = &cookies_of(jar)[i];
        const char *const fields[FIELDS] = {
            cookie->name,
            cookie->value,
            cookie->domain,
            cookie->path,
            cookie->host_only ? "1" : "0",
            cookie->same_site,
            apr_psprintf(pool, "%" APR_INT64_T_FMT, cookie->expires),
        };

        for (int field = 0; field < FIELDS; field++) {
            apr_size_t bytes_of_field = strlen(fields[field]) + 1;

            memcpy(at, fields[field], bytes_of_field);
            at += bytes_of_field;
        }
    }
    *length = (apr_size_t)(at - bytes);
    return bytes;
}

secsession_jar_t *secsession_jar_unpack(apr_pool_t *pool, const char *bytes, apr_size_t length)
{
    secsession_jar_t *jar = secsession_jar_make(pool);
    const char *at = apr_pmemdup(pool, length ? bytes : "", length ? length : 1);
    const char *end = at + length;

    while (at < end) {
        const char *fields[FIELDS];
        secsession_kept_t *cookie;

        for (int field = 0; field < FIELDS; field++) {
            const char *nul = at < end ? memchr(at, '\0', (apr_size_t)(end - at)) : NULL;

            if (nul == NULL) {
                return NULL;
            }
            fields[field] = at;
            at = nul + 1;
        }
        cookie = apr_array_push(jar);
        cookie->name = fields[0];
        cookie->value = fields[1];
        cookie->domain = fields[2];
        cookie->path = fields[3];
        cookie->host_only = *fields[4] == '1';
        cookie->same_site = fields[5];
        cookie->expires = apr_atoi64(fields[6]);
    }
    return jar;
}
