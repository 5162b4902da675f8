/* The session of a request: what the browser presented, what the store says of it, and what the
 * response has to tell the browser. Found once; subrequests and internal redirects share it. */
#ifndef SECSESSION_CONTEXT_H
#define SECSESSION_CONTEXT_H

#include <httpd.h>

#include "http/parse/cookie.h"
#include "session/jar.h"
#include "session/session.h"
#include "session/token.h"

/* The vault as this request found it, and what the response changes; see http/application/vault.h. */
typedef struct {
    int is_applied;
    const char *own;           /* the browser's Cookie field before the vault's came into it */
    secsession_jar_t *jar;     /* NULL: not read */
    secsession_jar_t *changes; /* NULL: none yet */
    const char *last;          /* the name of the cookie that was kept last */
} secsession_vaulted_t;

/* What the application said; see http/application/words.h. */
typedef struct {
    const char *user; /* to log in, or NULL */
    const char *method;
    int log_out;
    int revoke_others, revoke_all;
    int is_wrong;  /* it contradicts itself or names nobody; that has been logged */
    int is_obeyed; /* once is enough */
} secsession_words_t;

/* What a location makes of a live session: each hook asks, and it does not change in a request. */
typedef struct {
    const secsession_session_t *session; /* NULL: nothing was judged yet */
    const void *location;
    secsession_outcome_t outcome;
} secsession_judgement_t;

typedef struct {
    secsession_presented_t presented;
    int is_token; /* the value presented is a token; `token` is its hash */
    secsession_hash_t token;
    int is_looked_up;
    secsession_outcome_t outcome;        /* of the look-up */
    const secsession_session_t *session; /* where that is SECSESSION_LIVE or SECSESSION_ANONYMOUS */
    secsession_judgement_t judged;
    const char *new_token; /* for the response to set, or NULL */
    int forget;            /* the response deletes the cookie */
    int fresh_within; /* seconds: the user must have authenticated less long ago; 0: need not */
    int replaced_by;  /* the status that took the place of the application's response, or 0 */
    void *form;       /* http/application/tee.c's copy of it */
    secsession_vaulted_t vaulted;
    secsession_words_t words;
    int is_move_told, is_move_written; /* see address.c */
    const char *moment; /* of the database, from before credentials were checked; NULL: not asked */
    struct secsession_mod_session_t *mod_session; /* see modsession.c */
    const char *url_id; /* what was taken out of the request's URL (harden.h): its name, or NULL */
} secsession_context_t;

/* post_read_request: takes the cookie and spoofed headers out of the request, before anybody else
 * can see them. Calls no database. */
int secsession_context_begin(request_rec *r);

/* header_parser: looks the session up where SecSession is On. */
int secsession_context_look_up(request_rec *r);

/* The context of this request, its main request, or the request it was redirected from; NULL where
 * the virtual host has no sessions. */
secsession_context_t *secsession_context_get(request_rec *r);

/* What the browser asked for first, as it wrote it: a path, with its query. */
const char *secsession_context_asked_for(const request_rec *r);

/* Whether there is a session for this request at this location: SECSESSION_LIVE sets *session, and
 * so does SECSESSION_ANONYMOUS, which gives no identity;
 * SECSESSION_UNKNOWN where there is none or SecSession is Off. Looks it up if that has not been
 * done yet (a subrequest can come before its main request's header_parser). */
secsession_outcome_t secsession_context_session(request_rec *r,
                                                const secsession_session_t **session);

#endif
