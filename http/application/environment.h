/* The environment variables by which CGI, PHP and all other handlers learn about the user and the
 * session of a request. */
#ifndef SECSESSION_ENVIRONMENT_H
#define SECSESSION_ENVIRONMENT_H

#include <httpd.h>

/* fixups: sets the variables if there is a session. With AuthType SecSession, REMOTE_USER is set
 * even if no Require asked for a user. Always DECLINED. */
int secsession_environment_fixup(request_rec *r);

#endif
