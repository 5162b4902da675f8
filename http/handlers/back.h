/* The way back from a login. If the browser may refuse our cookie, the address to which it is sent
 * has a mark. A browser that comes there without a session has refused the cookie, and its user is
 * told so, instead of being asked for the password once more. */
#ifndef SECSESSION_BACK_H
#define SECSESSION_BACK_H

#include "http/request/context.h"

/* Where to send a browser that has logged in, to `target` on this host: the same, or `target` with
 * the mark, from the pool of the request. */
const char *secsession_back_target(const secsession_here_t *here, const char *target);

/* header_parser, after the look-up: answers a GET with the mark with a redirect (303), to the same
 * address without it, or if there is no session to the login page, which explains why. Else
 * DECLINED. */
int secsession_back_check(request_rec *r);

#endif
