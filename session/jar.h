/* A cookie jar, as a browser keeps one (RFC 6265bis, 5.6 to 5.8), for the cookies that an
 * application sets and that no browser gets. Pure: no clock, no I/O; unit-tested and fuzzed.
 *
 * No cookie of it goes to a browser, so that Secure and HttpOnly matter only where the prefix of a
 * name demands them. Times are seconds since the epoch.
 */
#ifndef SECSESSION_JAR_H
#define SECSESSION_JAR_H

#include <apr_pools.h>
#include <apr_tables.h>

/* What a session may keep. */
#define SECSESSION_JAR_COOKIES 50
#define SECSESSION_JAR_BYTES 16384 /* of names and values */

typedef struct {
    const char *name;
    const char *value;  /* NULL: the cookie is to be removed */
    const char *domain; /* lower case, without a leading dot; the host that set it if host_only */
    const char *path;
    int host_only;
    const char *same_site; /* "strict", "lax", "none", or "" where it was not said */
    apr_int64_t expires;   /* 0: with the session */
} secsession_kept_t;

/* The cookies of one session, the oldest first: secsession_kept_t, in the array's pool. */
typedef apr_array_header_t secsession_jar_t;

/* Which request the cookies are for. */
typedef struct {
    const char *host; /* lower case, without the port */
    const char *path; /* of the request, as the browser wrote it, without the query */
    int is_cross_site;
    int is_top_level; /* a navigation by a safe method, with which "lax" cookies go, too */
} secsession_asker_t;

secsession_jar_t *secsession_jar_make(apr_pool_t *pool);

/* Reads a Set-Cookie field that `host` has sent in answer to a request for `path`. Whether a
 * browser would keep the cookie (or remove it: its value is then NULL); if not, only its name is
 * set. Strings live in `pool`. */
int secsession_jar_parse(apr_pool_t *pool, const char *field, const secsession_asker_t *asker,
                         apr_int64_t now, secsession_kept_t *cookie);

/* Puts a cookie in, in place of one with the same name, domain, path and host_only, and takes out
 * what has expired. Whether that changes what will be sent, or moves an expiry by more than a tenth
 * of what was left of it. */
int secsession_jar_set(secsession_jar_t *jar, const secsession_kept_t *cookie, apr_int64_t now);

/* Notes a cookie, or its removal, in a list of changes, in place of what the list says of the same
 * cookie. */
void secsession_jar_note(secsession_jar_t *changes, const secsession_kept_t *cookie);

/* Whether a session may keep as much as this jar holds. */
int secsession_jar_fits(const secsession_jar_t *jar);

/* The cookies for a request as the value of a Cookie field, NULL if there are none. Longer paths
 * come first, then older cookies. */
const char *secsession_jar_field(apr_pool_t *pool, const secsession_jar_t *jar,
                                 const secsession_asker_t *asker, apr_int64_t now);

/* Whether `host` is `domain` or below it; no address is below anything. */
int secsession_jar_domain_matches(const char *host, const char *domain);

/* The jar as bytes, and back. NULL if the bytes are not those of whole cookies. */
const char *secsession_jar_pack(apr_pool_t *pool, const secsession_jar_t *jar, apr_size_t *length);
secsession_jar_t *secsession_jar_unpack(apr_pool_t *pool, const char *bytes, apr_size_t length);

#endif
