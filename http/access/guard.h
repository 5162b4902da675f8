/* SecSessionGuard: requests that another origin made the browser send. */
#ifndef SECSESSION_GUARD_H
#define SECSESSION_GUARD_H

#include "http/request/context.h"

/* header_parser, after the look-up: if SecSessionGuard is On, answers 403 to a request with a
 * session that another origin made the browser send, if it may change something (any method but
 * GET, HEAD, OPTIONS and TRACE) or opens a WebSocket, to which the same-origin policy does not
 * apply. Else DECLINED. */
int secsession_guard_check(request_rec *r);

/* The same for a request that has no session, but a user whom another AuthType has authenticated:
 * browsers send passwords, certificates and tickets by themselves, whoever makes them send a
 * request. To be called before such a user gets a session. */
int secsession_guard_check_user(const secsession_here_t *here);

#endif
