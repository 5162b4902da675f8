/* The session of a request at its location: looked up once, and judged by what the location
 * wants. */
#ifndef SECSESSION_CURRENT_H
#define SECSESSION_CURRENT_H

#include "http/request/context.h"

/* header_parser: looks the session up where SecSession is On. Always DECLINED. */
int secsession_current_look_up(request_rec *r);

/* How the session stands for this request at this location. SECSESSION_LIVE sets *session, and
 * so does SECSESSION_ANONYMOUS, which gives no identity; with every other outcome it is NULL.
 * SECSESSION_UNKNOWN where there is none, or SecSession is Off. Looks it up if that has not been
 * done yet: a subrequest can come before its main request's header_parser. */
secsession_outcome_t secsession_current_session(const secsession_here_t *here,
                                                const secsession_session_t **session);

/* The same session; NULL where there is none that is good here. */
const secsession_session_t *secsession_current(const secsession_here_t *here);

/* The idle timeout that counts for this session here, in seconds. */
int secsession_current_idle_timeout(const secsession_here_t *here,
                                    const secsession_session_t *session);

#endif
