/* AuthType SecSession: the user of a request is the one of its session. */
#ifndef SECSESSION_AUTHN_H
#define SECSESSION_AUTHN_H

#include "http/request/context.h"

#define SECSESSION_AUTH_TYPE "SecSession"

/* Whether the location of the request has AuthType SecSession. */
int secsession_authn_is_ours(request_rec *r);

/* check_authn: sets r->user, or answers with a redirect to the login page, 401 or 503. DECLINED if
 * the location has another AuthType. */
int secsession_authn_check(request_rec *r);

/* auth_checker, before httpd's own: a user of a session who has no right to a location of AuthType
 * SecSession gets 403, with a page that says so, or if a more recent login would be enough 401. */
int secsession_authn_check_right(request_rec *r);

/* note_auth_failure, before other modules: adds the challenge, and finds out whether a more recent
 * login would be enough. */
int secsession_authn_note_failure(request_rec *r, const char *type);

/* Answers a request without a session: if a person is waiting for a page, with a redirect to the
 * login page, which is told why (`outcome`); else with 401, a challenge, and a page that says why.
 * Returns the status. */
int secsession_authn_demand(const secsession_here_t *here, secsession_outcome_t outcome);

/* Adds WWW-Authenticate to the response (RFC 9110, 11.6.1) and returns HTTP_UNAUTHORIZED. */
int secsession_authn_challenge(const secsession_here_t *here);

/* The URL of the login page on which the user of the session can log in again and then return to
 * this request, in the pool of the request. NULL: there is no login page. */
const char *secsession_authn_fresh_url(const secsession_here_t *here);

/* Notes that this request requires a login less than `within` seconds ago; call this before the
 * request is refused. The response says so, and whether a form was not accepted. */
void secsession_authn_note_stale(const secsession_here_t *here, int within);

/* The answer to a request that requires a more recent login than that of its session. If a person
 * is waiting for a page and there is a login page, returns 303 and sets *location; else adds the
 * challenge of RFC 9470 and returns 401. */
int secsession_authn_demand_fresh(const secsession_here_t *here, const char **location);

#endif
