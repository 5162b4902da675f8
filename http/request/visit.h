/* Visitors whom nobody knows, and the first cookies that an application sets for them: these travel
 * sealed in our cookie (session/parcel.h), and there is a session only when it has come back. */
#ifndef SECSESSION_VISIT_H
#define SECSESSION_VISIT_H

#include "http/request/context.h"

/* These cookies, beside those that the response carries already; `cookies` may be NULL. */
const secsession_jar_t *secsession_visit_add(const secsession_here_t *here,
                                             const secsession_jar_t *cookies);

/* Has the response carry these cookies in ours, without any SQL. Returns 0 if it cannot: they are
 * too large, or the browser has brought a cookie that carries others, and that cannot be opened
 * here, or not any more. Then a session has to keep them. */
int secsession_visit_begin(const secsession_here_t *here, const secsession_jar_t *cookies);

/* The look-up has not found the token of a cookie that carries others, or has found the session
 * that they are in by now: begins the session if it is not there, and has the response set the
 * cookie without them. The outcome and the session in the context become those of it. What the
 * cookie carries is good for as long as the session that it begins may be idle, so that an old one
 * never begins a session anew that is known to have ended. */
void secsession_visit_return(const secsession_here_t *here);

#endif
