/* The handler secsession-logout. */
#ifndef SECSESSION_LOGOUT_H
#define SECSESSION_LOGOUT_H

#include <httpd.h>

/* POST from our own origin logs out, and so does a link of our own; any other GET asks first. */
int secsession_logout_answer(request_rec *r);

#endif
