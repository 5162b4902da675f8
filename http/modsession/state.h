/* What mod_session keeps in the session of a request: it is read from the vault and put back
 * there. */
#ifndef SECSESSION_STATE_H
#define SECSESSION_STATE_H

#include <mod_session.h>

#include "http/request/context.h"

/* What a request knows about it; this is shared with subrequests and internal redirects. */
typedef struct secsession_state_t {
    const char *id;        /* the id of the session it was read from, or NULL */
    session_rec *record;   /* what that session has kept */
    session_rec *nothing;  /* an empty record for locations at which the session is not good */
    const char *encoded;   /* `record` as it is in the vault; NULL: it is not in the vault */
    secsession_jar_t *jar; /* the whole vault */
    apr_time_t expiry;     /* the expiry of mod_session, as it was kept */
    int is_read;
    int is_checked; /* secsession_modsession_check() runs or has run, and answers with 503 */
    int is_on;      /* Session is On at the location that was checked last */
    int is_unavailable;
    int had_credentials;
    int failure; /* the status of the response if something could not be kept, or 0 */
} secsession_state_t;

/* The state of this request, in the pool of the main request; it need not have been read yet. */
secsession_state_t *secsession_state_get(const secsession_here_t *here);

/* Reads the vault if that has not been done for this session. If the database gives no answer,
 * is_unavailable is set. */
void secsession_state_read(const secsession_here_t *here, secsession_state_t *state);

/* To be called after mod_session has decoded what was read: notes its expiry and whether it
 * contains credentials. `loaded` is the record that mod_session returned; it is a record of its own
 * if ours could not be decoded or had expired. */
void secsession_state_note(const secsession_here_t *here, secsession_state_t *state,
                           const session_rec *loaded);

/* session_save: keeps what has changed, and begins a session, logs a user in or ends the session if
 * that is what the change means. `encode` is mod_session's. Always OK: if something could not be
 * kept, `failure` is set. */
int secsession_state_save(const secsession_here_t *here, session_rec *record,
                          apr_status_t (*encode)(request_rec *, session_rec *));

#endif
