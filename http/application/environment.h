/* Who the request is from: told to the application, and never taken from the client's word. */
#ifndef SECSESSION_IDENTITY_H
#define SECSESSION_IDENTITY_H

#include <httpd.h>

#include "session/session.h"

/* Removes every request header that begins with "SecSession-", also in the spellings that CGI maps
 * to the same variable (CVE-2018-1283, CVE-2017-6413). */
void secsession_identity_strip(request_rec *r);

/* Whether a header's name begins with "SecSession-", whatever its case and punctuation. */
int secsession_identity_is_reserved(const char *header);

/* The client's address as PostgreSQL's inet reads it (without an IPv6 zone), as mod_remoteip left
 * it. */
const char *secsession_identity_address(request_rec *r);

/* What the session may sit idle here, in seconds: the shorter of its own limit and the location's. */
int secsession_identity_idle_timeout(request_rec *r, const secsession_session_t *session);

/* fixups: the environment of CGI, PHP and every handler; REMOTE_USER also where nothing required
 * it, under AuthType SecSession. */
int secsession_identity_fixup(request_rec *r);

#endif
