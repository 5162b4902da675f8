/* The handler secsession-logout. */
#ifndef SECSESSION_LOGOUT_H
#define SECSESSION_LOGOUT_H

#include <httpd.h>

/* Ends the session of this request, and has the response say so to the browser: OK, or 503. */
int secsession_logout_end(request_rec *r);

int secsession_logout_answer(request_rec *r);

#endif
