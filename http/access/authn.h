/* AuthType SecSession: the session's user, or a way to become one. */
#ifndef SECSESSION_AUTHN_H
#define SECSESSION_AUTHN_H

#include <httpd.h>

#include "session/session.h"

#define SECSESSION_AUTH_TYPE "SecSession"

/* Whether the location says AuthType SecSession. */
int secsession_authn_is_ours(request_rec *r);

/* check_authn: sets the user, or answers 303 to the login page, 401, or 503. */
int secsession_authn_check(request_rec *r);

/* note_auth_failure: who is logged in, but not whom Require names, gets the challenge, too. */
int secsession_authn_note_failure(request_rec *r, const char *type);

/* Sends who has no session to the login page if a person waits for a page here, else gives
 * HTTP_UNAUTHORIZED. */
int secsession_authn_demand(request_rec *r, secsession_outcome_t outcome);

/* Adds WWW-Authenticate to the answer and gives HTTP_UNAUTHORIZED. */
int secsession_authn_challenge(request_rec *r);

/* Where the session's user can authenticate once more, and comes back from; NULL: there is no login
 * page. */
const char *secsession_authn_fresh_url(request_rec *r);

/* Where a request needs a fresher authentication than its session has: 303 with a Location for a page
 * that a person is waiting for, else 401 with the reason (RFC 9470). */
int secsession_authn_demand_fresh(request_rec *r, const char **location);

#endif
