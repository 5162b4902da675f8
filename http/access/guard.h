/* SecSessionGuard: requests that another origin made the browser send. */
#ifndef SECSESSION_GUARD_H
#define SECSESSION_GUARD_H

#include "http/request/context.h"

/* header_parser, after the look-up: if SecSessionGuard is On, answers 403 to a request with a
 * session that another origin made the browser send, if it may change something (any method but
 * GET, HEAD, OPTIONS and TRACE) or opens a WebSocket, to which the same-origin policy does not
 * apply. Else DECLINED; the context then says whether it would have been refused with a session. */
int secsession_guard_check(request_rec *r);

/* The same for a request that has no session, but a user whom another AuthType has authenticated:
 * browsers send passwords, certificates and tickets by themselves, whoever makes them send a
 * request. To be called before such a user gets a session. */
int secsession_guard_check_user(const secsession_here_t *here);

/* The same for the response to a request without a session, if it would log `user` in: a form that
 * another page has posted must not put its own user in the place of one whose cookie the browser
 * has not sent. Returns OK, or 403, which has been logged. */
int secsession_guard_check_login(const secsession_here_t *here, const char *user);

#endif
