/* The address of a client, and SecSessionBind: a session that is bound to it. */
#ifndef SECSESSION_ADDRESS_H
#define SECSESSION_ADDRESS_H

#include "http/request/context.h"

/* The address of the client (mod_remoteip's, where that is used), without the zone of a
 * link-local one, which PostgreSQL does not know. Lives as long as the request. */
const char *secsession_address_of(request_rec *r);

/* Whether the client of this request may go on with a live session here: SECSESSION_LIVE,
 * SECSESSION_MOVED, or SECSESSION_UNAVAILABLE where the session should have ended and could not.
 * The first such request of a client that has moved leaves an event, and does with the session
 * what SecSessionBind says. */
secsession_outcome_t secsession_address_check(const secsession_here_t *here,
                                              const secsession_session_t *session);

#endif
