/* Login forms that scripts send as JSON (RFC 8259). This is as strict as fields.h, and for the same
 * reason. */
#ifndef SECSESSION_JSON_H
#define SECSESSION_JSON_H

#include <apr_pools.h>

/* The string at `name` in the JSON object `body`, which is NUL-terminated, allocated from `pool`.
 * `name` is a member of the object, or the way to one in other objects: "user.name". NULL if there
 * is no such string, if the body is not valid JSON, if any object in it has two members of one
 * name, or if an application might take another member for this one, or read another value because
 * it takes the body for a urlencoded form. */
const char *secsession_json_get(apr_pool_t *pool, const char *body, const char *name);

/* Whether no application can find anything at `name` in the body, which is a valid JSON object. */
int secsession_json_lacks(apr_pool_t *pool, const char *body, const char *name);

#endif
