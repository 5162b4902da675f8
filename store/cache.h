/* The table in shared memory from which every child of one server answers while the feed's lease
 * runs. The store asks it, the feed keeps it true. Readers take no lock.
 *
 * It only ever says that a session is live; whatever else there is to say, the database says. What
 * it holds is never taken out: an entry carries the generation in which the database was asked, and
 * is believed only while no floor that concerns it is above that: the floor of everything, of its
 * session or of its user. So neither a slow nor a killed process can bring back what was revoked.
 * t/model/ proves it.
 */
#ifndef SECSESSION_CACHE_H
#define SECSESSION_CACHE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "session/session.h"
#include "session/token.h"
#include "store/key.h"
#include "store/use.h"

typedef struct secsession_cache_t secsession_cache_t;

typedef apr_uint64_t secsession_generation_t;

/* Makes a table for `sessions` sessions, at 320 bytes each, before the children are forked; it ends
 * with `pool`. The error of apr_shm_create. */
apr_status_t secsession_cache_create(secsession_cache_t **cache, apr_pool_t *pool,
                                     apr_size_t sessions);

/* To be read before the database is asked for what secsession_cache_put shall take. */
secsession_generation_t secsession_cache_generation(secsession_cache_t *cache);

/* The session of a token, in `pool`; NULL where the cache knows none that is live within the
 * visit's limits now, or the lease ended more than `stale` ago. Notes that the session is in use.
 * `now` is a time of secsession_monotonic(), taken after the request began. */
const secsession_session_t *secsession_cache_find(secsession_cache_t *cache, apr_pool_t *pool,
                                                  const secsession_hash_t *token, const char *realm,
                                                  const secsession_visit_t *visit, apr_time_t now,
                                                  apr_interval_time_t stale);

/* Notes that the session of a token is in use `now`, under this idle timeout in seconds. Whether it
 * did: not where the cache does not know the token, or is not kept up to date. */
int secsession_cache_use(secsession_cache_t *cache, const secsession_hash_t *token, int idle,
                         apr_time_t now);

/* Keeps a live session as the database described it. `asked` (monotonic) and `generation` were
 * taken before the database was asked. The session counts as used then if it is within the visit's
 * limits and the visit is no polling. A session whose names are too long is not kept. Whether
 * another session that was still good had to go. */
int secsession_cache_put(secsession_cache_t *cache, const secsession_hash_t *token,
                         const char *realm, const secsession_session_t *session,
                         const secsession_visit_t *visit, apr_time_t asked,
                         secsession_generation_t generation);

/* What is known of this session or user, of the session of this token, or of anything, is not
 * believed any more. */
void secsession_cache_invalidate(secsession_cache_t *cache, secsession_key_t key);
void secsession_cache_invalidate_token(secsession_cache_t *cache, const secsession_hash_t *token);
void secsession_cache_invalidate_all(secsession_cache_t *cache);

/* Whether nothing that was known in this generation of this session, and of this user, need be
 * asked again. */
int secsession_cache_is_unchanged(secsession_cache_t *cache, secsession_generation_t generation,
                                  secsession_key_t session, secsession_key_t user);

/* Until when (monotonic) what is unchanged is believed. */
apr_time_t secsession_cache_lease(secsession_cache_t *cache);

/* Called by the feed: until that moment (monotonic) everything that was revoked has been heard. */
void secsession_cache_extend_lease(secsession_cache_t *cache, apr_time_t until);

/* Fills `uses` with up to `max` uses that are newer by a second than the last one that the database
 * knows of, where that one is longer ago than `share_of_idle` of the shortest idle timeout that the
 * session was used under: so the database is never further behind than that. Begins at slot *cursor
 * and moves it on. */
apr_size_t secsession_cache_uses(secsession_cache_t *cache, apr_time_t now, double share_of_idle,
                                 secsession_use_t *uses, apr_size_t max, apr_size_t *cursor);

/* The database has been told of these. */
void secsession_cache_uses_known(secsession_cache_t *cache, const secsession_use_t *uses,
                                 apr_size_t count);

#endif
