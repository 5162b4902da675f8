/* Who the request is from, as CGI, PHP and every other handler are told. */
#ifndef SECSESSION_ENVIRONMENT_H
#define SECSESSION_ENVIRONMENT_H

#include <httpd.h>

/* fixups: sets the environment; REMOTE_USER also where nothing required it, under AuthType
 * SecSession. */
int secsession_environment_fixup(request_rec *r);

#endif
