/* Keeping cookies, choosing those for a request, and a jar as bytes. Numbers in comments are
 * sections of RFC 6265bis. */
#include "session/jar.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

secsession_jar_t *secsession_jar_make(apr_pool_t *pool)
{
    return apr_array_make(pool, 4, sizeof(secsession_kept_t));
}

static secsession_kept_t *cookies_of(const secsession_jar_t *jar)
{
    return (secsession_kept_t *)jar->elts;
}

/* --- keeping --------------------------------------------------------------------------------- */

/* 5.7, 23 */
static int is_same_cookie(const secsession_kept_t *one, const secsession_kept_t *other)
{
    return strcmp(one->name, other->name) == 0 && strcmp(one->domain, other->domain) == 0
           && strcmp(one->path, other->path) == 0 && one->host_only == other->host_only;
}

static int is_expired(const secsession_kept_t *cookie, apr_int64_t now)
{
    return cookie->expires != 0 && cookie->expires <= now;
}

/* Whether the new cookie has to be kept. An application that sends the same cookie with every
 * response, with an expiry of a week from then, shall not cause a write each time. */
static int is_news(const secsession_kept_t *old, const secsession_kept_t *new, apr_int64_t now)
{
    apr_int64_t moved = new->expires > old->expires ? new->expires - old->expires
                                                    : old->expires - new->expires;

    return strcmp(old->value, new->value) != 0 || strcmp(old->same_site, new->same_site) != 0
           || (old->expires == 0) != (new->expires == 0)
           || (old->expires != 0 && moved > (old->expires - now) / 10);
}

static void remove_at(secsession_jar_t *jar, int at)
{
    secsession_kept_t *cookies = cookies_of(jar);

    jar->nelts--;
    memmove(cookies + at, cookies + at + 1, (apr_size_t)(jar->nelts - at) * sizeof(*cookies));
}

/* An expired cookie is as good as removed: it takes no room, and one in its place counts as new
 * (5.7). */
static void remove_expired(secsession_jar_t *jar, apr_int64_t now)
{
    for (int i = jar->nelts - 1; i >= 0; i--) {
        if (is_expired(&cookies_of(jar)[i], now)) {
            remove_at(jar, i);
        }
    }
}

int secsession_jar_set(secsession_jar_t *jar, const secsession_kept_t *cookie, apr_int64_t now)
{
    secsession_kept_t *cookies = cookies_of(jar);

    remove_expired(jar, now);
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

/* 5.1.3 */
int secsession_jar_domain_matches(const char *host, const char *domain)
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

    return length > 0 && strncmp(path, below, length) == 0
           && (path[length] == '\0' || path[length] == '/' || below[length - 1] == '/');
}

/* 5.8.3; a cookie whose SameSite was not said is taken for "lax". */
static int is_for(const secsession_kept_t *cookie, const secsession_asker_t *asker, apr_int64_t now)
{
    if (is_expired(cookie, now) || !path_matches(asker->path, cookie->path)
        || !(cookie->host_only ? strcmp(asker->host, cookie->domain) == 0
                               : secsession_jar_domain_matches(asker->host, cookie->domain))) {
        return 0;
    }
    if (!asker->is_cross_site || strcmp(cookie->same_site, "none") == 0) {
        return 1;
    }
    return asker->is_top_level && strcmp(cookie->same_site, "strict") != 0;
}

/* The cookies for a request: those with longer paths first, then the older ones. */
static const apr_array_header_t *choose(apr_pool_t *pool, const secsession_jar_t *jar,
                                        const secsession_asker_t *asker, apr_int64_t now)
{
    apr_array_header_t *array = apr_array_make(pool, jar->nelts + 1, sizeof(secsession_kept_t *));
    const secsession_kept_t **chosen = (const secsession_kept_t **)array->elts;

    for (int i = 0; i < jar->nelts; i++) {
        const secsession_kept_t *cookie = &cookies_of(jar)[i];
        apr_size_t length = strlen(cookie->path);
        int at = array->nelts;

        if (is_for(cookie, asker, now)) {
            for (; at > 0 && strlen(chosen[at - 1]->path) < length; at--) {
                chosen[at] = chosen[at - 1];
            }
            chosen[at] = cookie;
            array->nelts++;
        }
    }
    return array;
}

static char *put(char *to, const char *text)
{
    while (*text) {
        *to++ = *text++;
    }
    return to;
}

const char *secsession_jar_field(apr_pool_t *pool, const secsession_jar_t *jar,
                                 const secsession_asker_t *asker, apr_int64_t now)
{
    const apr_array_header_t *array = choose(pool, jar, asker, now);
    const secsession_kept_t *const *chosen = (const secsession_kept_t *const *)array->elts;
    apr_size_t size = 1;
    char *field, *to;

    if (array->nelts == 0) {
        return NULL;
    }
    for (int i = 0; i < array->nelts; i++) {
        size += strlen(chosen[i]->name) + strlen(chosen[i]->value) + 3;
    }
    field = to = apr_palloc(pool, size);
    for (int i = 0; i < array->nelts; i++) {
        to = put(to, i > 0 ? "; " : "");
        to = put(to, chosen[i]->name);
        to = put(to, *chosen[i]->name ? "=" : "");
        to = put(to, chosen[i]->value);
    }
    *to = '\0';
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
