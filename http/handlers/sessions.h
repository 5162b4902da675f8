/* The handler secsession-sessions: a user's own sessions. */
#ifndef SECSESSION_SESSIONS_H
#define SECSESSION_SESSIONS_H

#include <httpd.h>

/* Shows users their own live sessions, and ends those that they choose (OWASP ASVS 5.0 7.5.2).
 * Tells scripts as JSON how long the session lasts, without any SQL statement. Returns OK, or the
 * status to answer with. */
int secsession_sessions_answer(request_rec *r);

#endif
