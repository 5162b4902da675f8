/* Our cookie on the way in: found in a Cookie field, and taken out of it. */
#ifndef SECSESSION_COOKIE_H
#define SECSESSION_COOKIE_H

#include <apr_pools.h>

typedef enum {
    SECSESSION_COOKIE_NONE,   /* not there */
    SECSESSION_COOKIE_ONE,    /* there, with one value */
    SECSESSION_COOKIE_SEVERAL /* there with different values: somebody planted one */
} secsession_presented_t;

/* Takes every cookie called `name` out of `field`, the value of a Cookie header field, and sets
 * *rest to what remains (NULL if nothing; `field` itself if it does not contain the name) and
 * *value to its value, both in `pool`. Names match byte for byte; only semicolons separate cookies,
 * so that nobody can hide a cookie of ours in the value of another; a value is never decoded or
 * unquoted (RFC 6265bis, 4.2 and 8). The work is linear in the field's length. */
secsession_presented_t secsession_cookie_take(apr_pool_t *pool, const char *field, const char *name,
                                              const char **value, const char **rest);

#endif
