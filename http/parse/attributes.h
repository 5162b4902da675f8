/* The Set-Cookie fields of applications (RFC 6265bis, 5.6). */
#ifndef SECSESSION_ATTRIBUTES_H
#define SECSESSION_ATTRIBUTES_H

#include <apr_pools.h>

/* Adds the attributes that `field`, the value of a Set-Cookie header field, lacks:
 * - Secure if `is_secure` is set; also with SameSite=None, which browsers refuse without Secure;
 * - HttpOnly if `is_http_only` is set;
 * - SameSite=Lax, which also replaces a SameSite value that browsers do not know.
 * An attribute that is present is not added again; the name, the value and all other attributes
 * stay the same, byte for byte. Returns `field` itself if nothing is missing or if it holds no
 * cookie, else a copy allocated from `pool`. */
const char *secsession_attributes_harden(apr_pool_t *pool, const char *field, int is_secure,
                                         int is_http_only);

/* Whether no script may read the cookie of this field. */
int secsession_attributes_is_http_only(const char *field);

#endif
