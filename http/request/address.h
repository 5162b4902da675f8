/* SecSessionBind: a session that is bound to the address of its client. */
#ifndef SECSESSION_ADDRESS_H
#define SECSESSION_ADDRESS_H

#include <httpd.h>

#include "session/session.h"

/* Whether the client of this request (mod_remoteip's, where that is used) may go on with a live
 * session here: SECSESSION_LIVE, SECSESSION_MOVED, or
 * SECSESSION_UNAVAILABLE where it should have ended and could not. The first such request of a client that has moved
 * is an event, and does with the session what SecSessionBind says. */
secsession_outcome_t secsession_address_check(request_rec *r, const secsession_session_t *session);

#endif
