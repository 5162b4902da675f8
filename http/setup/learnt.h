/* What is learnt of the cookies of applications while they answer (SecSessionVault httponly), in
 * memory that all children share, until httpd is restarted: only ever more, and by hashes alone.
 * Names that PHP would read as one, and upper and lower case, are taken for the same.
 */
#ifndef SECSESSION_LEARNT_H
#define SECSESSION_LEARNT_H

#include <httpd.h>

typedef enum {
    SECSESSION_LEARNT_HIDDEN, /* a cookie of this name has been set with HttpOnly */
    SECSESSION_LEARNT_OPEN    /* ...has been set without */
} secsession_learnt_t;

/* post_config: makes room, which lives as long as `pool`. Returns OK, or an error that stops httpd
 * and has been logged. */
int secsession_learnt_create(apr_pool_t *pool, server_rec *server);

/* Notes that this is so of the first `length` bytes of `name` `where`: at an address that lives as
 * long as the configuration. */
void secsession_learnt_note(secsession_learnt_t what, const void *where, const char *name,
                            apr_size_t length);

/* Whether it has been noted. Where there has been no room for more, every name is hidden. */
int secsession_learnt_is(secsession_learnt_t what, const void *where, const char *name);

/* Names `a` and `b` are taken for the same. */
int secsession_learnt_is_same(const char *a, const char *b);

#endif
