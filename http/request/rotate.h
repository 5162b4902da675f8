/* Periodic rotation: a session's next token, offered with a response. */
#ifndef SECSESSION_ROTATE_H
#define SECSESSION_ROTATE_H

#include "http/request/context.h"

/* Before the response is sent: where the session of this request has had its token for
 * SecSessionRotateInterval, gives the response the next one. Where that fails the session goes
 * on as it is. OWASP Session Management Cheat Sheet, "Renewal Timeout". */
void secsession_rotate_offer(const secsession_here_t *here);

#endif
