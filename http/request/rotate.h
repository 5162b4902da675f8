/* Periodic rotation: a session's next token, offered with a response. */
#ifndef SECSESSION_ROTATE_H
#define SECSESSION_ROTATE_H

#include "http/request/context.h"

/* Call this before the response is sent. If the session of this request has had its token for
 * SecSessionRotateInterval, the response gets the next one. If that fails, the session goes on with
 * the token it has. See "Renewal Timeout" in the OWASP Session Management Cheat Sheet. */
void secsession_rotate_offer(const secsession_here_t *here);

#endif
