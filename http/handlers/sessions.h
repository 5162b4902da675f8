/* The handler secsession-sessions. */
#ifndef SECSESSION_SESSIONS_H
#define SECSESSION_SESSIONS_H

#include <httpd.h>

/* Shows a user the live sessions of their own, and ends those that are chosen (OWASP ASVS 5.0
 * 7.5.2); tells scripts, as JSON and without SQL, how long the session lasts. */
int secsession_sessions_answer(request_rec *r);

#endif
