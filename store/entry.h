/* What the cache keeps of one session. */
#ifndef SECSESSION_ENTRY_H
#define SECSESSION_ENTRY_H

#include <apr_pools.h>
#include <apr_time.h>
#include <apr_uuid.h>

#include "session/session.h"
#include "session/token.h"

typedef struct {
    unsigned char token[SECSESSION_HASH_BYTES];
    apr_uint64_t generation; /* these three: see cache.h */
    apr_uint64_t session_key;
    apr_uint64_t user_key;
    apr_time_t authenticated; /* by our monotonic clock, like the next */
    apr_time_t ends;
    apr_int64_t created_at;
    apr_int64_t authenticated_at;
    apr_int64_t expires_at;
    secsession_limits_t limits;
    apr_time_t rotated; /* monotonic, like those above */
    apr_uint32_t vault_version;
    apr_int32_t persistent;
    apr_uuid_t id;
    secsession_address_t bound;
    apr_time_t recheck; /* from then on the database is to be asked, monotonic; 0: not */
    char text[72];      /* user, method and realm, each with its NUL */
} secsession_entry_t;

/* Describes a session whose age was told at `asked` (monotonic); the generation is left
 * to the caller. Whether it fits: the names may be too long. */
int secsession_entry_from(secsession_entry_t *entry, const secsession_hash_t *token,
                          const char *realm, const secsession_session_t *session, apr_time_t asked);

/* The session, in `pool`, as it is `now`, when it was last used at `seen`. */
const secsession_session_t *secsession_entry_session(apr_pool_t *pool,
                                                     const secsession_entry_t *entry,
                                                     apr_time_t seen, apr_time_t now);

/* Writes the session's id, and a NUL. Returns `text`. */
char *secsession_entry_id(const secsession_entry_t *entry,
                          char text[APR_UUID_FORMATTED_LENGTH + 1]);

const char *secsession_entry_realm(const secsession_entry_t *entry);

#endif
