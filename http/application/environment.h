/* The environment variables by which CGI, PHP and all other handlers learn about the user and the
 * session of a request. */
#ifndef SECSESSION_ENVIRONMENT_H
#define SECSESSION_ENVIRONMENT_H

#include <httpd.h>

/* fixups: sets the variables if there is a session. With AuthType SecSession, REMOTE_USER is set
 * even if no Require asked for a user. Always DECLINED. */
int secsession_environment_fixup(request_rec *r);

/* handler, before all others: with AuthType SecSession the user of the request is that of its
 * session, or nobody, and no variable and no field of SecSessionForward says anything else. Between
 * fixups and here httpd may have moved the request to another location without asking who the user
 * is (ap_internal_fast_redirect, for DirectoryIndex and FallbackResource); other modules may have
 * set such a field or variable in fixups, and a page that includes this one may have set variables.
 * DECLINED, or 403 as secsession_forward_fixup() says. */
int secsession_environment_settle(request_rec *r);

#endif
