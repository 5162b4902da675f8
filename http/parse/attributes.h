/* Set-Cookie fields of applications. */
#ifndef SECSESSION_ATTRIBUTES_H
#define SECSESSION_ATTRIBUTES_H

#include <apr_pools.h>

/* `field`, the value of a Set-Cookie header field, with the attributes that it lacks: Secure
 * where `is_secure`, and with SameSite=None, without which browsers refuse it, in any case;
 * HttpOnly; SameSite=Lax, also in place of a SameSite that browsers do not know. None is added
 * that is there; the name, the value and every other attribute stay byte for byte (RFC 6265bis,
 * 5.6). `field` itself where nothing is missing, or there is no cookie in it; else a copy in
 * `pool`. */
const char *secsession_attributes_harden(apr_pool_t *pool, const char *field, int is_secure);

#endif
