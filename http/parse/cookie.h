/* Our cookie in a request: it is found in the Cookie field and removed from it. */
#ifndef SECSESSION_COOKIE_H
#define SECSESSION_COOKIE_H

#include <apr_pools.h>

typedef enum {
    SECSESSION_COOKIE_NONE,   /* the request has no such cookie */
    SECSESSION_COOKIE_ONE,    /* it has one, or several with the same value */
    SECSESSION_COOKIE_SEVERAL /* it has several with different values: somebody planted one */
} secsession_presented_t;

/* Removes every cookie called `name` from `field`, the value of a Cookie header field. Sets *rest
 * to what remains (NULL if nothing remains; `field` itself if it does not contain the name) and
 * *value to the value of the cookie (NULL if there is none); both are allocated from `pool`. Names
 * are compared byte for byte. Only semicolons separate cookies, so that nobody can hide a cookie of
 * ours in the value of another. A value is never decoded or unquoted (RFC 6265bis, 4.2 and 8). The
 * time that this takes is linear in the length of the field. */
secsession_presented_t secsession_cookie_take(apr_pool_t *pool, const char *field, const char *name,
                                              const char **value, const char **rest);

#endif
