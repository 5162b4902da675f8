/* What is known about the session of a request: what the browser presented, what the store says
 * about it, and what the response has to tell the browser. This is only data; arrive.c and
 * current.c fill it in. */
#ifndef SECSESSION_CONTEXT_H
#define SECSESSION_CONTEXT_H

#include <httpd.h>

#include "http/parse/cookie.h"
#include "http/setup/config.h"
#include "session/jar.h"
#include "session/session.h"
#include "session/token.h"
#include "store/store.h"

/* The vault as it was at this request, and what the response sets in it; see
 * http/application/cookies.h. */
typedef struct {
    int is_applied;
    const char *own;       /* the browser's Cookie field, before the vault's cookies were added */
    secsession_jar_t *jar; /* NULL: not read yet */
    secsession_jar_t *set; /* what the response sets or removes; NULL: nothing yet */
    int is_news;           /* some of that is not so already */
    int fields;            /* that the response has set for the vault */
    int is_over;           /* it has set more than are read */
    const char *last;      /* the name of the cookie that was kept last, for the log */
} secsession_vaulted_t;

/* What the application said in its response; see http/application/words.h. */
typedef struct {
    const char *user; /* the user to log in, or NULL */
    const char *method;
    int log_out;
    int revoke_others, revoke_all;
    int is_wrong;  /* it contradicts itself or makes no sense, which has been logged */
    int is_obeyed; /* it has been done, and must not be done a second time */
} secsession_words_t;

/* Whether a session is good at a location. Every hook asks for this, and it does not change during
 * a request, so that it is remembered: with each subrequest and internal redirect by itself, since
 * the configuration of a later one can be where that of one which is over has been. */
typedef struct {
    const secsession_session_t *session; /* NULL: not judged yet */
    const void *location;
    secsession_outcome_t outcome;
} secsession_judgement_t;

/* A request shares its context with its subrequests and internal redirects. The context lives in
 * the pool of the first of them. */
typedef struct {
    secsession_presented_t presented;
    const secsession_values_t *values; /* of several different cookies; NULL: it is not several */
    const char *upgraded; /* the Cookie field as it came, if the client asks for another protocol */
    int is_given_back;    /* the request has that field again */
    int is_posted;        /* the client sent a POST, whatever httpd has made of it since */
    int is_foreign;       /* another origin made the browser send it, and it may change something */
    int is_token;         /* the value is a well-formed token; `token` is its hash */
    secsession_hash_t token;
    secsession_outcome_t ended; /* why a session has ended, if the cookie says that, see why.h; or
                                 * SECSESSION_UNKNOWN */
    const char *parcel;        /* the value presented if it carries cookies, see visit.h; or NULL */
    secsession_jar_t *carried; /* the first cookies of a visitor in this response; or NULL */
    int is_looked_up;
    int is_found;  /* the session was found by its client, and `token` is no token's hash */
    int is_in_use; /* the request has been noted as a use of the session until it ends */
    secsession_outcome_t outcome;        /* of the look-up */
    const secsession_session_t *session; /* if this is SECSESSION_LIVE or SECSESSION_ANONYMOUS */
    secsession_judgement_t judged;
    const char *new_token;   /* the token that the response sets, or NULL */
    const char *chosen;      /* of the values, the one that has been looked up; NULL: none */
    int forget;              /* the response deletes the cookie */
    int is_useless;          /* the cookie that the browser presented is good for nothing */
    int needs_user;          /* httpd has asked who the user is, to let the request pass */
    const request_rec *file; /* the request that httpd answers with a file; or NULL */
    int is_of_application;   /* an application, or a file, answers */
    int stale_within;        /* a Require session-fresh did not grant, by which age; 0: none */
    int is_fresh_assumed;    /* what Require says is tried as if the login were recent */
    int fresh_within; /* the login must be less old than this, in seconds; 0: any age will do */
    int is_judged;    /* httpd finds out whether the user has a right to the location */
    int explained;    /* the status that our own page explains, see http/access/refusal.h; or 0 */
    int replaced_by;  /* the status that replaced the application's response, or 0 */
    void *form;       /* the copy of the form that http/application/tee.c makes */
    secsession_vaulted_t vaulted;
    secsession_words_t words;
    int is_move_told, is_move_written; /* the event of a changed address, see address.c */
    const char *moment; /* of the database, before credentials were checked; NULL: not asked for */
    struct secsession_try_t *tried;   /* see http/application/try.h; NULL: nothing */
    struct secsession_state_t *state; /* what mod_session keeps, see http/modsession/state.h */
    const request_rec *passes_by;     /* mod_cache while its hook runs, see caches.h; or NULL */
    secsession_vigil_t *vigil;        /* what is under way, see underway.h; NULL: not watched */
    int is_cut;                       /* it will be cut, or has been, or its end was logged */
    const char *url_id; /* the name of the session id that harden.c removed from the URL, or NULL */
} secsession_context_t;

/* A request with its context and configuration. Each hook, handler and filter makes one of these
 * and hands it down. It is valid as long as the request stays at its location. */
typedef struct {
    request_rec *r;
    secsession_context_t *context; /* NULL: the virtual host has no sessions */
    const secsession_server_config_t *server;
    const secsession_location_config_t *location;
} secsession_here_t;

/* Looks these up for a request. */
secsession_here_t secsession_here(request_rec *r);

/* The request from the client that this request is a part of, or was redirected from internally. */
request_rec *secsession_first_request(request_rec *r);

/* The pool of the main request: what is allocated from it outlives a subrequest. */
apr_pool_t *secsession_lasting_pool(const request_rec *r);

/* The path and query that the client asked for, before any internal redirect and still encoded. */
const char *secsession_asked_for(request_rec *r);

#endif
