/* The handler secsession-logout, and what every page does to log its user out. */
#ifndef SECSESSION_LOGOUT_H
#define SECSESSION_LOGOUT_H

#include "http/request/context.h"

/* A POST from our own origin logs the user out, and so does a link on one of our own pages that the
 * user follows; any other GET asks first (OWASP ASVS 5.0 7.4.1). Returns OK, or the status to
 * answer with. */
int secsession_logout_answer(request_rec *r);

/* handler, before mod_auth_form's form-logout-handler: the same for a session that this would
 * end. */
int secsession_logout_guard_form(request_rec *r);

/* Ends the session of this request as a logout by its user (see http/request/end.h), and redirects
 * to SecSessionLogoutHome, or to / where that is not set. Returns the status to answer with: 503 if
 * the session could not be ended. */
int secsession_logout_end(const secsession_here_t *here);

#endif
