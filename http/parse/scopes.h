/* Where else a browser may keep a cookie that it sends: the scopes of RFC 6265bis, 5.1.3 and
 * 5.1.4. */
#ifndef SECSESSION_SCOPES_H
#define SECSESSION_SCOPES_H

#include <apr_tables.h>

/* A cookie of a longer path is not looked for. */
#define SECSESSION_SCOPES_LONGEST 128

/* The attributes ("; Path=/app; Domain=example.org") of the scopes that a cookie of this request
 * can have: each path that the path of `target` begins with, with the host alone and with each
 * domain that the host belongs to and that has a dot; the shortest paths first, and `most` at the
 * most. `target` is the path and query that the browser asked for; `host`, without a port, may be
 * NULL. What no Set-Cookie field can say is left out. An array of const char *, in `pool`. */
apr_array_header_t *secsession_scopes_of(apr_pool_t *pool, const char *target, const char *host,
                                         int most);

#endif
