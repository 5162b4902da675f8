/* A session ends because its user wants it to, or because it is of no more use here. */
#ifndef SECSESSION_END_H
#define SECSESSION_END_H

#include "http/request/context.h"

/* Ends the session of this request, if it has one, and has the response delete the cookie. The
 * session ends in the database first: a logout that did not happen is never reported as one. OK,
 * or 503. */
int secsession_end_session(const secsession_here_t *here);

/* The same as a logout, which is logged, and after which the browser clears what
 * SecSessionClearSiteData names. */
int secsession_end_by_user(const secsession_here_t *here);

#endif
