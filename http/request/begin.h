/* A session begins: what every way of logging in ends with, whoever has authenticated the user. The
 * response sets the cookie. */
#ifndef SECSESSION_BEGIN_H
#define SECSESSION_BEGIN_H

#include "http/request/context.h"

/* Who has authenticated, and how. */
typedef struct {
    const char *user;   /* checked by secsession_text_is_user() */
    const char *method; /* "form", "application", "basic" ... */
    apr_int64_t epoch;  /* see secsession_login_t, like the next two */
    const char *moment;
    const secsession_jar_t *cookies;
    const secsession_stamp_t *stamp; /* of the record of the user, or NULL */
    int persistent;                  /* the user wants to stay signed in, where that is offered */
} secsession_authenticated_t;

/* Asks the database for this moment, once in a request: to be called before credentials are checked
 * that may lead to a login. Whether the context has it. */
int secsession_begin_note_moment(const secsession_here_t *here);

/* Binds a user to a token that did not exist before (I5), in place of the one that the browser
 * presented; the context has the new session from then on. SECSESSION_LIVE: the user is logged
 * in. SECSESSION_REVOKED: the user was revoked meanwhile. SECSESSION_FULL: the user has as many
 * sessions as SecSessionMaxPerUser allows. SECSESSION_UNAVAILABLE: nothing is known. */
secsession_outcome_t secsession_begin_user(const secsession_here_t *here,
                                           const secsession_authenticated_t *who);

/* What to answer where that was not for a page of ours to say: OK where the user is logged in,
 * 403, or 503. */
int secsession_begin_status(request_rec *r, secsession_outcome_t outcome);

/* Begins an anonymous session with these cookies in its vault: SECSESSION_ANONYMOUS, or
 * SECSESSION_UNAVAILABLE. */
secsession_outcome_t secsession_begin_anonymous(const secsession_here_t *here,
                                                const secsession_jar_t *cookies);

#endif
