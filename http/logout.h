/* The handler secsession-logout. */
#ifndef SECSESSION_LOGOUT_H
#define SECSESSION_LOGOUT_H

#include <httpd.h>

int secsession_logout_handle(request_rec *r);

#endif
