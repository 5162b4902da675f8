/* Forms as browsers send them with files: multipart/form-data (RFC 7578). */
#ifndef SECSESSION_MULTIPART_H
#define SECSESSION_MULTIPART_H

#include <apr_pools.h>

/* The value of the field `name`, which is no file, in a body of `length` bytes whose Content-Type is
 * `type`; in `pool`. NULL if there is none whole, or another with the same name, or it holds a NUL. */
char *secsession_multipart_get(apr_pool_t *pool, const char *type, const char *body,
                               apr_size_t length, const char *name);

#endif
