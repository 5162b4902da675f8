/* Binding a user to a new token: what every way of logging in ends with, whoever has authenticated
 * the user. The response sets the cookie. */
#ifndef SECSESSION_BIND_H
#define SECSESSION_BIND_H

#include <httpd.h>

#include "session/jar.h"
#include "session/session.h"
#include "session/stamp.h"

#define SECSESSION_USER_LENGTH 255

/* Who has authenticated, and how. */
typedef struct {
    const char *user;   /* checked by secsession_text_is_name() */
    const char *method; /* "form", "application", "basic" ... */
    apr_int64_t epoch;  /* see secsession_login_t, like the next two */
    const char *moment;
    const secsession_jar_t *cookies;
    const secsession_stamp_t *stamp; /* of the record of the user, or NULL */
    int persistent;                  /* the user wants to stay signed in, where that is offered */
} secsession_binding_t;

/* Asks the database for this moment, once in a request: to be called before credentials are checked
 * that may lead to a binding. Whether the context has it. */
int secsession_bind_note_moment(request_rec *r);

/* Binds a user to a token that did not exist before (I5), in place of the one that the browser
 * presented; the context has the new session from then on. SECSESSION_LIVE: done. SECSESSION_REVOKED:
 * the user was revoked meanwhile; SECSESSION_FULL: the user has as many sessions as
 * SecSessionMaxPerUser allows; SECSESSION_UNAVAILABLE: nothing is known; nobody is logged in. */
secsession_outcome_t secsession_bind_user(request_rec *r, const secsession_binding_t *binding);

/* Begins an anonymous session with these cookies in its vault: SECSESSION_ANONYMOUS, or
 * SECSESSION_UNAVAILABLE. */
secsession_outcome_t secsession_bind_nobody(request_rec *r, const secsession_jar_t *cookies);

#endif
