/* What is known of the session of a request: what the browser presented, what the store says of
 * it, and what the response has to tell the browser. Data alone: it is found in arrive.c and
 * current.c. */
#ifndef SECSESSION_CONTEXT_H
#define SECSESSION_CONTEXT_H

#include <httpd.h>

#include "http/parse/cookie.h"
#include "http/setup/config.h"
#include "session/jar.h"
#include "session/session.h"
#include "session/token.h"

/* The vault as this request found it, and what the response changes; see
 * http/application/cookies.h. */
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

/* One for a request, its subrequests and its internal redirects, in the pool of the first of
 * them. */
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
    void *form;       /* the copy that http/application/tee.c makes of it */
    secsession_vaulted_t vaulted;
    secsession_words_t words;
    int is_move_told, is_move_written; /* see address.c */
    const char *moment; /* of the database, from before credentials were checked; NULL: not asked */
    struct secsession_state_t *state; /* what mod_session keeps, see http/modsession/state.h */
    const char
        *url_id; /* the name of what http/application/harden.c took out of the request's URL */
} secsession_context_t;

/* A request with all that our parts ask it for. Each hook, handler and filter makes one, and
 * hands it down; it is good as long as the request is at this location. */
typedef struct {
    request_rec *r;
    secsession_context_t *context; /* NULL: the virtual host has no sessions */
    const secsession_server_config_t *server;
    const secsession_location_config_t *location;
} secsession_here_t;

secsession_here_t secsession_here(request_rec *r);

/* The request from the network that this one is part of, or was redirected from. */
request_rec *secsession_first_request(request_rec *r);

/* A pool that lives as long as this request, and longer than a subrequest that it is. */
apr_pool_t *secsession_lasting_pool(const request_rec *r);

/* What the browser asked for first, as it wrote it: a path, with its query. */
const char *secsession_asked_for(request_rec *r);

#endif
