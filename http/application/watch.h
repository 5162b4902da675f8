/* Whether the session with which a request began would let it begin now: what a WebSocket needs,
 * whose request never ends, and whose client goes on asking. That the session has not ended is in
 * http/request/underway.h, as for everything that is under way; here it is whether the session is
 * idle, which what the client sends prevents, and whether it is still that of the same login. Knows
 * no filters. */
#ifndef SECSESSION_WATCH_H
#define SECSESSION_WATCH_H

#include "http/request/context.h"

/* The session of a request as it was when the watch began. It lives no longer than the request. */
typedef struct {
    request_rec *r;
    secsession_outcome_t outcome; /* of the look-up; UNKNOWN: there was no session */
    apr_int64_t authenticated_at; /* 0: there was no session */
    secsession_hash_t token;      /* follows the rotations of the session */
    apr_pool_t *scratch;          /* a child of the request's pool; NULL: not needed yet */
    apr_time_t checked;
} secsession_watch_t;

/* Begins to watch the session of a request, after its look-up. */
void secsession_watch_begin(secsession_watch_t *watch, const secsession_here_t *here);

/* Whether the session is still the same and has not ended; non-zero if there was none at the
 * beginning. The store is asked at most four times a second: mostly the cache, at times the
 * database. If `is_use`, this counts as use of the session. If the database gives no answer the
 * session is not good. */
int secsession_watch_is_good(secsession_watch_t *watch, int is_use);

#endif
