/* Forms as browsers send them with files: multipart/form-data (RFC 7578). As strict as fields.h,
 * and for the same reason. */
#ifndef SECSESSION_MULTIPART_H
#define SECSESSION_MULTIPART_H

#include <apr_pools.h>

/* The value of the field `name`, which is no file, in a body of `length` bytes whose
 * Content-Type is `type`; in `pool`. NULL if there is none, or another that an application might
 * take for it with another value, or the form is not whole, or anywhere not as browsers write
 * it. */
const char *secsession_multipart_get(apr_pool_t *pool, const char *type, const char *body,
                                     apr_size_t length, const char *name);

#endif
