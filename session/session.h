/* The words that every part shares: a session as the store knows it, and what may become of one.
 * Nothing here knows a request or SQL.
 */
#ifndef SECSESSION_SESSION_H
#define SECSESSION_SESSION_H

#include <apr.h>

#include "session/stamp.h"

#define SECSESSION_ADDRESS_BYTES 16

/* What a look at a token, or an attempt to change a session, came to. */
typedef enum {
    SECSESSION_LIVE,       /* accepted */
    SECSESSION_ANONYMOUS,  /* a session that nobody has authenticated in: no identity */
    SECSESSION_UNKNOWN,    /* no such token in this realm */
    SECSESSION_RETIRED,    /* an old token of a session that goes on: refused, without harm to it */
    SECSESSION_IDLE,       /* ended: too long since the last request */
    SECSESSION_ABSOLUTE,   /* ended: too long since the authentication */
    SECSESSION_REVOKED,    /* ended by an administrator */
    SECSESSION_REUSE,      /* ended: a retired token was used after its grace */
    SECSESSION_LOGGED_OUT, /* ended by its user */
    SECSESSION_EVICTED,    /* ended to make room for a newer session of the same user */
    SECSESSION_FULL,       /* the user has as many sessions as a user may have: not one more */
    SECSESSION_MOVED,      /* live, but bound to another address than the client's */
    SECSESSION_THROTTLED,  /* too many attempts to log in: not now */
    SECSESSION_STALE,      /* live, but the user authenticated too long ago for what is wanted */
    SECSESSION_DONE,       /* what was asked for has been done; says nothing about a session */
    SECSESSION_UNAVAILABLE /* the database gave no answer: neither yes nor no (I4) */
} secsession_outcome_t;

/* How long a session may last, in seconds. */
typedef struct {
    int idle;     /* since the last request; 0: no limit of its own */
    int absolute; /* since the authentication; 0: no limit of its own */
} secsession_limits_t;

/* An IPv6 address in network byte order; of IPv4, the address mapped into it (RFC 4291,
 * 2.5.5.2). */
typedef struct {
    unsigned char bytes[SECSESSION_ADDRESS_BYTES]; /* all zero: none */
} secsession_address_t;

/* Periodic rotation, in seconds. */
typedef struct {
    int interval; /* 0: none */
    int grace;    /* how long a token is still served after the next one has been presented */
} secsession_rotation_t;

/* What a request is to a session. */
typedef struct {
    secsession_limits_t limits; /* of its location; they can only shorten the session's own */
    int is_polling;             /* does not count as use of the session */
} secsession_visit_t;

/* One session. All strings live in the pool of whoever asked for it. Ages come from the
 * database's clock, so that servers with wrong clocks agree (I6). */
typedef struct {
    const char *id;                  /* UUID; public */
    const char *user;                /* NULL: anonymous */
    const char *method;              /* how the user authenticated, for example "form" */
    apr_int64_t created_at;          /* seconds since the epoch */
    apr_int64_t authenticated_at;    /* microseconds since the epoch: what a login has begun */
    apr_int64_t expires_at;          /* the absolute end, seconds since the epoch */
    apr_int64_t idle_ms;             /* milliseconds between the previous request and this one */
    apr_int64_t age_ms;              /* milliseconds since the authentication */
    apr_int64_t left_ms;             /* milliseconds until the absolute end */
    apr_int64_t rotated_ms;          /* milliseconds since its last token was made or offered */
    secsession_address_t bound;      /* the address that it is bound to */
    int persistent;                  /* the user asked to be kept signed in */
    int is_stamped;                  /* it ends when the record of its user changes */
    const secsession_stamp_t *stamp; /* to be compared with the record now; NULL: not now */
    secsession_limits_t limits;      /* as they were when the user authenticated */
    int cacheable;                   /* may be remembered until the feed says otherwise */
    apr_uint32_t vault_version;      /* 0: the vault is empty */
    apr_int64_t told;                /* when all this was so, by the store's clock */
    apr_uint64_t generation;         /* of the store's cache then; 0: none */
    const unsigned char *mac;        /* of its claim on the token that was looked up, see claim.h;
                                      * NULL: there is none, or it has been checked before */
} secsession_session_t;

#endif
