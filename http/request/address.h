/* The address of the client, and SecSessionBind, which binds a session to it. */
#ifndef SECSESSION_ADDRESS_H
#define SECSESSION_ADDRESS_H

#include "http/request/context.h"
#include "session/client.h"

/* The address of the client, as mod_remoteip gives it if that is used. The zone of a link-local
 * address is removed, since PostgreSQL does not accept it. Lives as long as the request. */
const char *secsession_address_of(request_rec *r);

/* The network of that address, a /24 of IPv4 or a /64 of IPv6: what else is set to zero. */
secsession_address_t secsession_address_network(const request_rec *r);

/* The same, with what the client calls itself. */
secsession_client_t secsession_address_client(request_rec *r);

/* Whether the client of this request may use a live session at this location. SECSESSION_LIVE: yes.
 * SECSESSION_MOVED: no, its address has changed. SECSESSION_UNAVAILABLE: the session should have
 * ended, but the database could not be reached. If the address has changed, an event is written to
 * the audit trail, and what SecSessionBind says is done with the session. */
secsession_outcome_t secsession_address_check(const secsession_here_t *here,
                                              const secsession_session_t *session);

#endif
