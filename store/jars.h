/* The contents of vaults in shared memory, beside the cache, so that a request with one costs no
 * SQL either. What a vault holds at one version never changes, and the cache says which version a
 * session has: so nothing here has to be kept true.
 */
#ifndef SECSESSION_JARS_H
#define SECSESSION_JARS_H

#include <apr_pools.h>

/* A vault that is longer is not kept here. */
#define SECSESSION_JARS_BYTES 976

typedef struct secsession_jars_t secsession_jars_t;

/* Makes room for `count` vaults, 1 KiB each (of which the system takes what is used), before the
 * children are forked; it ends with `pool`. The error of apr_shm_create. */
apr_status_t secsession_jars_create(secsession_jars_t **jars, apr_pool_t *pool, apr_size_t count);

/* The contents of a session's vault at a version, in `pool`; NULL where they are not here. */
const char *secsession_jars_find(secsession_jars_t *jars, apr_pool_t *pool, const char *session_id,
                                 apr_uint32_t version, apr_size_t *length);

/* Keeps the contents of a vault. Where there is no room, the vault of the same set that was kept
 * first goes. */
void secsession_jars_put(secsession_jars_t *jars, const char *session_id, apr_uint32_t version,
                         const char *bytes, apr_size_t length);

#endif
