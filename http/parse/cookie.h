/* Our cookie in a request: it is found in the Cookie field and removed from it. */
#ifndef SECSESSION_COOKIE_H
#define SECSESSION_COOKIE_H

#include <apr_pools.h>

typedef enum {
    SECSESSION_COOKIE_NONE,   /* the request has no such cookie */
    SECSESSION_COOKIE_ONE,    /* it has one, or several with the same value */
    SECSESSION_COOKIE_SEVERAL /* it has several with different values */
} secsession_presented_t;

/* As many different values are kept. */
#define SECSESSION_COOKIE_VALUES 3

typedef struct {
    const char *texts[SECSESSION_COOKIE_VALUES]; /* the first ones, each once, in their order */
    int count; /* of the texts; SECSESSION_COOKIE_VALUES + 1: there are more */
} secsession_values_t;

/* Removes every cookie called `name` from `field`, the value of a Cookie header field. Sets *rest
 * to what remains (NULL if nothing remains; `field` itself if it does not contain the name) and
 * *values to the values of the cookies; both are allocated from `pool`. Names are compared byte for
 * byte. Only semicolons separate cookies, so that nobody can hide a cookie of ours in the value of
 * another. A value is never decoded or unquoted (RFC 6265bis, 4.2 and 8). The time that this takes
 * is linear in the length of the field. */
secsession_presented_t secsession_cookie_take(apr_pool_t *pool, const char *field, const char *name,
                                              secsession_values_t *values, const char **rest);

/* Whether a browser that gets `field`, the value of a Set-Cookie header field, could send a cookie
 * called `name` because of it. A browser sends a cookie that has no name as its value alone, so
 * that "=sid=x" comes back as "sid=x" (RFC 6265bis, 5.8.3). */
int secsession_cookie_is_set_by(const char *field, const char *name);

#endif
