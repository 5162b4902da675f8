/* AuthType SecSession: the session's user, or a way to become one. */
#ifndef SECSESSION_AUTHN_H
#define SECSESSION_AUTHN_H

#include "http/request/context.h"

#define SECSESSION_AUTH_TYPE "SecSession"

/* Whether the location says AuthType SecSession. */
int secsession_authn_is_ours(request_rec *r);

/* check_authn: sets the user, or answers 303 to the login page, 401, or 503. */
int secsession_authn_check(request_rec *r);

/* note_auth_failure: who is logged in, but not whom Require names, gets the challenge, too. */
int secsession_authn_note_failure(request_rec *r, const char *type);

/* Sends who has no session to the login page if a person waits for a page here, else gives
 * HTTP_UNAUTHORIZED. */
int secsession_authn_demand(const secsession_here_t *here, secsession_outcome_t outcome);

/* Adds WWW-Authenticate to the answer and gives HTTP_UNAUTHORIZED. */
int secsession_authn_challenge(const secsession_here_t *here);

/* Where the session's user can authenticate once more, and comes back from; NULL: there is no login
 * page. */
const char *secsession_authn_fresh_url(const secsession_here_t *here);

/* Notes that the session's user must have authenticated less than `within` seconds ago, before the
 * request is refused: what the user has sent was not let through, and the answer says so. */
void secsession_authn_note_stale(const secsession_here_t *here, int within);

/* Where a request needs a fresher authentication than its session has: 303 with a Location for a
 * page that a person is waiting for, else 401 with the reason (RFC 9470). */
int secsession_authn_demand_fresh(const secsession_here_t *here, const char **location);

#endif
