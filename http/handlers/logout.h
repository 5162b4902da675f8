/* The handler secsession-logout. */
#ifndef SECSESSION_LOGOUT_H
#define SECSESSION_LOGOUT_H

#include <httpd.h>

/* A POST from our own origin logs the user out, and so does a link on one of our own pages; any
 * other GET asks first (OWASP ASVS 5.0 7.4.1). Returns OK, or the status to answer with. */
int secsession_logout_answer(request_rec *r);

#endif
