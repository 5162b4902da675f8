/* The session of a request: what the browser presented, what the store says of it, and what the
 * response has to tell the browser. Found once; subrequests and internal redirects share it. */
#ifndef SECSESSION_CONTEXT_H
#define SECSESSION_CONTEXT_H

#include <httpd.h>

#include "http/cookie.h"
#include "session/session.h"
#include "session/token.h"

typedef struct {
    secsession_presented_t presented;
    int is_token; /* the value presented is a token; `token` is its hash */
    secsession_hash_t token;
    int is_looked_up;
    secsession_outcome_t outcome;        /* of the look-up */
    const secsession_session_t *session; /* where that is SECSESSION_LIVE or SECSESSION_ANONYMOUS */
    const char *new_token;               /* for the response to set, or NULL */
    int forget;                          /* the response deletes the cookie */
} secsession_context_t;

/* post_read_request: takes the cookie and spoofed headers out of the request, before anybody else
 * can see them. Calls no database. */
int secsession_context_begin(request_rec *r);

/* header_parser: looks the session up where SecSession is On. */
int secsession_context_look_up(request_rec *r);

/* The context of this request, its main request, or the request it was redirected from; NULL where
 * the virtual host has no sessions. */
secsession_context_t *secsession_context_get(request_rec *r);

/* Whether there is a session for this request at this location: SECSESSION_LIVE sets *session, and
 * so does SECSESSION_ANONYMOUS, which gives no identity;
 * SECSESSION_UNKNOWN where there is none or SecSession is Off. Looks it up if that has not been
 * done yet (a subrequest can come before its main request's header_parser). */
secsession_outcome_t secsession_context_session(request_rec *r,
                                                const secsession_session_t **session);

#endif
