/* What is under way for a session goes no further once the session has ended. Whoever passes data
 * on for a request, in either direction, asks here before.
 */
#ifndef SECSESSION_UNDERWAY_H
#define SECSESSION_UNDERWAY_H

#include "http/request/context.h"

/* Whether the session of this request goes on; costs no SQL. SECSESSION_LIVE: it does, or there is
 * none, or this request has ended it by itself. SECSESSION_REVOKED: it has ended, for whatever
 * reason. SECSESSION_UNAVAILABLE: nothing is known about it. The latter two are final, and have
 * been logged. */
secsession_outcome_t secsession_underway_outcome(const secsession_here_t *here);

/* The same; and from SECSESSION_LIVE on the connection is cut at the moment when the session ends,
 * whether anything is being passed on or not. That of a stream of HTTP/2 is not: it is shared. */
secsession_outcome_t secsession_underway_cut_at_end(const secsession_here_t *here);

/* Makes it known to both sides that nothing more will come, and returns the error for the caller of
 * the filter: the stream of HTTP/2, or the connection, is broken off. */
apr_status_t secsession_underway_break_off(conn_rec *connection);

#endif
