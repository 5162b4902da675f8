/* Begins sessions. Every way of logging in comes here at its end, no matter who has authenticated
 * the user. The response then sets the cookie. */
#ifndef SECSESSION_BEGIN_H
#define SECSESSION_BEGIN_H

#include "http/request/context.h"

/* Who has authenticated, and how. All strings must live as long as the request. */
typedef struct {
    const char *user;    /* see http/request/name.h */
    const char *method;  /* "form", "application", "basic" ... */
    const char *attempt; /* see secsession_login_t, like the next two */
    const char *moment;
    const secsession_jar_t *cookies;
    const secsession_stamp_t *stamp; /* of the user's record, or NULL */
    int persistent;                  /* the user wants to stay signed in, if that is offered */
    const secsession_credential_t *credential; /* by which the session is found; NULL: by none */
} secsession_authenticated_t;

/* Notes the current moment of the database in the context. Call this before credentials are checked
 * that may lead to a login: if a revocation commits after this moment, the login is refused (I2).
 * The database is queried only once for each request. Returns 0 if the context has no moment,
 * because the database gives no answer. */
int secsession_begin_note_moment(const secsession_here_t *here);

/* Begins a session for a user, with a new token (I5), in place of the session whose token the
 * browser presented. From then on the context has the new session. SECSESSION_LIVE: the user is
 * logged in. SECSESSION_REVOKED: the user's sessions were revoked while the credentials were
 * checked. SECSESSION_FULL: the user has as many sessions as SecSessionMaxPerUser allows.
 * With a credential, SECSESSION_REVOKED may also mean that it is refused, and SECSESSION_RETIRED
 * that another request of the client has begun the session.
 * SECSESSION_UNAVAILABLE: there is no token, or the database gives no answer. */
secsession_outcome_t secsession_begin_user(const secsession_here_t *here,
                                           const secsession_authenticated_t *who);

/* The status for an outcome of secsession_begin_user() if no page of ours explains it: OK if the
 * user is logged in, else 403 or 503. */
int secsession_begin_status(request_rec *r, secsession_outcome_t outcome);

/* Keeps these cookies, the first of a visitor, who gets them to carry if that can be (see visit.h):
 * then there is no session yet, and the context has none. Else an anonymous session begins with
 * them in its vault. Returns SECSESSION_ANONYMOUS; SECSESSION_UNKNOWN if nothing is kept, because
 * the browser may have a session whose cookie it does not send with a request from another site;
 * SECSESSION_UNAVAILABLE if there is no token or the database gives no answer. */
secsession_outcome_t secsession_begin_visit(const secsession_here_t *here,
                                            const secsession_jar_t *cookies);

#endif
