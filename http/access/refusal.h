/* The page that a person sees whose request is refused for want of a session, of a recent login or
 * of a right. It says why, and how to go on. */
#ifndef SECSESSION_REFUSAL_H
#define SECSESSION_REFUSAL_H

#include "http/request/context.h"

/* The URL of the login page of this location, in the pool of the request, with `why` (see why.h;
 * NULL: nothing) and, unless the client has sent a form, with the way back to this request. NULL:
 * there is no login page, or this is it. */
const char *secsession_refusal_login_url(const secsession_here_t *here, const char *why);

/* Has httpd's answer to this request, which will be refused with `status`, be our page, if the
 * client accepts HTML and no ErrorDocument is set for it. For a 401, `why` is as above; for a 403,
 * the user has no right to this place. */
void secsession_refusal_explain(const secsession_here_t *here, int status, const char *why);

/* The same for a request that another origin made the browser send, or that a browser does not say
 * the origin of. Returns HTTP_FORBIDDEN. */
int secsession_refusal_of_stranger(const secsession_here_t *here);

/* Call this before the response is sent. Sets the header fields of that page, if this is it. */
void secsession_refusal_set_headers(const secsession_here_t *here);

#endif
