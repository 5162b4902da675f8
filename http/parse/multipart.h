/* Forms of the type multipart/form-data (RFC 7578), which browsers use to upload files. This is as
 * strict as fields.h, and for the same reason. */
#ifndef SECSESSION_MULTIPART_H
#define SECSESSION_MULTIPART_H

#include <apr_pools.h>

/* The value of the field `name` in a body of `length` bytes whose Content-Type is `type`,
 * allocated from `pool`. NULL if there is no such field or if it is a file, if there is another
 * field which an application might take for it and which has another value, or if the form is
 * incomplete or differs anywhere from what browsers send. */
const char *secsession_multipart_get(apr_pool_t *pool, const char *type, const char *body,
                                     apr_size_t length, const char *name);

#endif
