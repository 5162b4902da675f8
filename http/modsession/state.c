/* What mod_session keeps is read from the vault of our session, and saved there. */
#include "http/modsession/state.h"

#include <apr_strings.h>
#include <http_log.h>

#include "http/modsession/credentials.h"
#include "http/parse/text.h"
#include "http/request/begin.h"
#include "http/request/current.h"
#include "http/request/end.h"
#include "http/request/origin.h"
#include "http/request/name.h"
#include "http/users/owner.h"

APLOG_USE_MODULE(secsession);

/* All of it is kept in one cookie of the vault. No application can set a cookie of this name, and
 * as no host and no path match those of the cookie, the vault sends it to no backend. */
#define HIDDEN "\001"
#define NAME HIDDEN "session"

/* --- reading --------------------------------------------------------------------------------- */

static session_rec *make_empty(apr_pool_t *pool)
{
    session_rec *empty = apr_pcalloc(pool, sizeof(*empty));

    empty->pool = pool;
    empty->entries = apr_table_make(pool, 10);
    return empty;
}

secsession_state_t *secsession_state_get(const secsession_here_t *here)
{
    secsession_context_t *context = here->context;

    if (context->state == NULL) {
        context->state = apr_pcalloc(secsession_lasting_pool(here->r), sizeof(*context->state));
    }
    return context->state;
}

static const char *find_in(const secsession_jar_t *jar)
{
    const secsession_kept_t *cookies = (const secsession_kept_t *)jar->elts;

    for (int i = 0; i < jar->nelts; i++) {
        if (strcmp(cookies[i].name, NAME) == 0) {
            return cookies[i].value;
        }
    }
    return NULL;
}

/* Whether what has been read is valid for the session of the request. What was read without a
 * session stays valid if a session has begun since, but not if one has been found; nor does what
 * was read from another session. */
static int is_read_for(secsession_state_t *state, const secsession_context_t *context)
{
    const secsession_session_t *session = context->session;

    if (state->is_read && state->id == NULL && session && !context->is_found) {
        state->id = session->id;
    }
    return state->is_read
           && (session == NULL || (state->id && strcmp(state->id, session->id) == 0));
}

void secsession_state_read(const secsession_here_t *here, secsession_state_t *state)
{
    const secsession_session_t *session = here->context->session;
    apr_pool_t *pool = secsession_lasting_pool(here->r);

    if (is_read_for(state, here->context)) {
        return;
    }
    *state = (secsession_state_t){ .is_read = 1,
                                   .is_checked = state->is_checked,
                                   .is_on = state->is_on,
                                   .failure = state->failure };
    state->record = state->nothing = make_empty(pool);
    state->jar = secsession_jar_make(pool);
    state->is_unavailable = here->context->outcome == SECSESSION_UNAVAILABLE;
    if (session == NULL) {
        return;
    }
    state->id = session->id;
    state->nothing = make_empty(pool);
    switch (secsession_store_vault(here->server->store, pool, session, &state->jar)) {
    case SECSESSION_DONE:
        state->encoded = find_in(state->jar);
        state->record->encoded = state->encoded;
        break;
    case SECSESSION_UNAVAILABLE:
        state->is_unavailable = 1;
        break;
    default: /* the session has just ended */
        break;
    }
}

void secsession_state_note(const secsession_here_t *here, secsession_state_t *state,
                           const session_rec *loaded)
{
    if (loaded == state->record) {
        state->expiry = loaded->expiry;
        state->had_credentials = secsession_credentials_are_in(loaded->entries);
    } else if (loaded != state->nothing) {
        state->record = make_empty(secsession_lasting_pool(here->r));
    }
}

/* --- saving ---------------------------------------------------------------------------------- */

/* Notes the status of the failure for the response. mod_session is told that all is well, or it
 * would log once more what has been logged, and try again. */
static int fail(const secsession_here_t *here, int status)
{
    secsession_state_get(here)->failure = status;
    return OK;
}

/* Whether there is nothing to keep. The entry that mod_session itself adds does not count. */
static int is_empty(const session_rec *record)
{
    const apr_array_header_t *array = apr_table_elts(record->entries);

    return array->nelts == 0
           || (array->nelts == 1 && apr_table_get(record->entries, "expiry") != NULL);
}

/* Whether the record has to be written to the vault. With SessionMaxAge, mod_session saves at every
 * request, only to extend its own expiry; it is enough to write this when a tenth of that time has
 * passed. */
static int is_news(const secsession_state_t *state, const session_rec *record)
{
    if (is_empty(record)) {
        return state->encoded != NULL;
    }
    if (!record->dirty) {
        return (record->expiry - state->expiry) * 10 >= apr_time_from_sec(record->maxage);
    }
    return state->encoded == NULL || strcmp(state->encoded, record->encoded) != 0;
}

/* Makes the cookie for the vault. It expires up to two seconds after the record, since mod_session
 * itself checks the expiry of the record to the microsecond. NULL: the vault has no room for it,
 * which has been logged. */
static secsession_jar_t *pack(request_rec *r, const secsession_state_t *state,
                              const session_rec *record)
{
    const secsession_kept_t cookie = {
        .name = NAME,
        .value = is_empty(record) ? NULL : record->encoded,
        .domain = HIDDEN,
        .path = HIDDEN,
        .host_only = 1,
        .same_site = "",
        .expires = record->expiry ? apr_time_sec(record->expiry) + 2 : 0,
    };
    secsession_jar_t *whole = apr_array_copy(r->pool, state->jar);
    secsession_jar_t *jar = secsession_jar_make(r->pool);

    secsession_jar_set(whole, &cookie, apr_time_sec(apr_time_now()));
    if (!secsession_jar_fits(whole)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS232: what mod_session has to keep does not fit into the session, which has "
            "room for %d bytes: the request is answered with 500; keep less in it",
            SECSESSION_JAR_BYTES);
        return NULL;
    }
    APR_ARRAY_PUSH(jar, secsession_kept_t) = cookie;
    return jar;
}

static int log_in(const secsession_here_t *here, secsession_state_t *state, const char *posted,
                  const secsession_jar_t *jar)
{
    request_rec *r = here->r;
    secsession_context_t *context = here->context;
    const secsession_authenticated_t who = { .user = secsession_name(here, posted),
                                             .method = "form",
                                             .moment = context->moment,
                                             .cookies = jar };
    int status;

    if (who.user == NULL) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS233: the user whom mod_auth_form has logged in cannot have a session: a user name "
            "must be UTF-8 of at most %d bytes without control characters",
            SECSESSION_USER_LENGTH);
        return fail(here, HTTP_FORBIDDEN);
    }
    if (secsession_owner_is_stranger(r)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "SS249: user %s of %s is not logged in: a .htaccess file says how users "
                      "authenticate there, and need not mean the users of realm %s; write it into "
                      "the server's configuration if it does",
                      who.user, r->uri, here->server->realm);
        return fail(here, HTTP_FORBIDDEN);
    }
    if (secsession_origin_is_stranger(here)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "SS262: a login form for mod_auth_form from another site was refused; if it "
                      "was your own page, check that the proxy passes on the Host header of the "
                      "browser (ProxyPreserveHost On)");
        return fail(here, HTTP_FORBIDDEN);
    }
    /* Without the moment, a revocation while the password was checked would go unnoticed (I2). */
    if (context->moment == NULL) {
        return fail(here, HTTP_SERVICE_UNAVAILABLE);
    }
    status = secsession_begin_status(r, secsession_begin_user(here, &who));
    if (status != OK) {
        return fail(here, status);
    }
    state->id = context->session->id;
    return OK;
}

/* A logout from mod_auth_form ends the whole session. */
static int log_out(const secsession_here_t *here, secsession_state_t *state)
{
    const secsession_session_t *session = here->context->session;
    int status = secsession_end_session(here);

    if (status != OK) {
        return fail(here, status);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, here->r,
                  "SS234: user %s logged out of realm %s by mod_auth_form: session %s ended",
                  session->user, here->server->realm, session->id);
    state->id = NULL;
    state->encoded = NULL;
    return OK;
}

static int keep(const secsession_here_t *here, secsession_state_t *state,
                const secsession_session_t *session, const secsession_jar_t *jar)
{
    secsession_outcome_t outcome;

    if (session) {
        /* If the session has ended meanwhile, nothing is kept (I1). */
        outcome = secsession_store_keep(here->server->store, here->r->pool, session, jar);
        return outcome == SECSESSION_UNAVAILABLE ? fail(here, HTTP_SERVICE_UNAVAILABLE) : OK;
    }
    outcome = secsession_begin_visit(here, jar);
    if (here->context->session) {
        state->id = here->context->session->id;
    }
    return outcome == SECSESSION_UNAVAILABLE ? fail(here, HTTP_SERVICE_UNAVAILABLE) : OK;
}

/* Removes what must not be in the session of this user: the credentials of others and, if another
 * user than before has logged in, everything else, too. Returns whether the record has changed. */
static int purify(const secsession_here_t *here, session_rec *record, const char *posted,
                  const secsession_session_t *session)
{
    const char *owner = session ? session->user : NULL;
    const char *user = posted ? secsession_name(here, posted) : owner;

    if (posted && owner && (user == NULL || strcmp(user, owner) != 0)) {
        secsession_credentials_keep_only(here, record->entries, user);
        return 1;
    }
    if (!secsession_credentials_remove_others(here, record->entries, user)) {
        return 0;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, here->r,
        "SS235: what mod_session has to keep contains credentials of a user whom mod_auth_form has "
        "not logged in here: they are not kept; check which application sets the SessionHeader");
    return 1;
}

/* Whether a new session may take the place of what the browser presented. It may not if the token
 * is retired, since the browser has the next one by now, nor if the session has ended only for this
 * location, since it is still used elsewhere. */
static int may_begin(const secsession_here_t *here, secsession_outcome_t outcome)
{
    return outcome != SECSESSION_RETIRED && here->context->session == NULL;
}

int secsession_state_save(const secsession_here_t *here, session_rec *record,
                          apr_status_t (*encode)(request_rec *, session_rec *))
{
    request_rec *r = here->r;
    secsession_state_t *state = secsession_state_get(here);
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_current_session(here, &session);
    const char *posted = record->dirty ? secsession_credentials_posted(r, record->entries) : NULL;
    secsession_jar_t *jar;

    if (state->is_unavailable || state->failure) {
        return OK;
    }
    if (purify(here, record, posted, session) && encode(r, record) != OK) {
        return fail(here, HTTP_INTERNAL_SERVER_ERROR);
    }
    if (posted == NULL && session && state->had_credentials
        && !secsession_credentials_are_in(record->entries)) {
        return log_out(here, state);
    }
    if (posted == NULL
        && (!is_news(state, record)
            || (session == NULL && (!record->dirty || !may_begin(here, outcome))))) {
        return OK;
    }
    jar = pack(r, state, record);
    if (jar == NULL) {
        return fail(here, HTTP_INTERNAL_SERVER_ERROR);
    }
    return posted ? log_in(here, state, posted, jar) : keep(here, state, session, jar);
}
