/* Ends the session of a request, because its user logs out or because it is of no further use. */
#ifndef SECSESSION_END_H
#define SECSESSION_END_H

#include "http/request/context.h"

/* Ends the session of this request, if it has one, and has the response delete the cookie. From
 * then on the context has no session. The session ends in the database first, so that a logout
 * which failed is never reported as successful. Returns OK, or 503. */
int secsession_end_session(const secsession_here_t *here);

/* The same as a logout by the user: it is logged, and the browser is told to clear what
 * SecSessionClearSiteData names. Returns OK, or 503. */
int secsession_end_by_user(const secsession_here_t *here);

/* Tells the browser what SecSessionClearSiteData names, in the answer to a logout. */
void secsession_end_clear(const secsession_here_t *here);

#endif
