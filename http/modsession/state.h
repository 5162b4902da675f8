/* What mod_session keeps in the session of a request: read from the vault, and put back. */
#ifndef SECSESSION_STATE_H
#define SECSESSION_STATE_H

#include <mod_session.h>

#include "http/request/context.h"

/* What a request knows of it; shared with subrequests and internal redirects. */
typedef struct secsession_state_t {
    const char *id;        /* of the session it was read from, or NULL */
    session_rec *record;   /* what that has kept */
    session_rec *nothing;  /* for where the request has no session, though it has one elsewhere */
    const char *encoded;   /* `record`, as it is in the vault; NULL: it is not */
    secsession_jar_t *jar; /* the whole vault */
    apr_time_t expiry;     /* mod_session's own, as it was kept */
    int is_read;
    int is_checked; /* secsession_modsession_check() answers for it if nothing is known */
    int is_unavailable;
    int had_credentials;
    int failure; /* the status that answers a request which could not be kept, or 0 */
} secsession_state_t;

/* The request's own; not read yet. */
secsession_state_t *secsession_state_get(const secsession_here_t *here);

/* Reads the vault, if that has not been done for this session. */
void secsession_state_read(const secsession_here_t *here, secsession_state_t *state);

/* When mod_session has decoded what was read: notes what there was. `loaded` is what mod_session
 * made of it, something of its own where it could not be read, or had expired. */
void secsession_state_note(const secsession_here_t *here, secsession_state_t *state,
                           const session_rec *loaded);

/* session_save: keeps what has changed, and begins, binds or ends the session where that is what
 * the change means. `encode` is mod_session's. Always OK: what failed is noted in `failure`. */
int secsession_state_save(const secsession_here_t *here, session_rec *record,
                          apr_status_t (*encode)(request_rec *, session_rec *));

#endif
