/* See state.h. */
#include "http/modsession/state.h"

#include <apr_strings.h>
#include <http_log.h>

#include "http/modsession/credentials.h"
#include "http/parse/text.h"
#include "http/request/begin.h"
#include "http/request/context.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

/* The cookie of the vault that holds it all. No application can set one of this name, and it is for
 * no host and no path: the vault gives it to no backend. */
#define HIDDEN "\001"
#define NAME HIDDEN "session"

/* --- reading --------------------------------------------------------------------------------- */

static apr_pool_t *pool_of(const request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    return r->pool;
}

static session_rec *make_empty(apr_pool_t *pool)
{
    session_rec *empty = apr_pcalloc(pool, sizeof(*empty));

    empty->pool = pool;
    empty->entries = apr_table_make(pool, 10);
    return empty;
}

secsession_mod_session_t *secsession_kept_get(request_rec *r)
{
    secsession_context_t *context = secsession_context_get(r);

    if (context->mod_session == NULL) {
        context->mod_session = apr_pcalloc(pool_of(r), sizeof(*context->mod_session));
    }
    return context->mod_session;
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

/* What was read without a session goes on in the one that has begun meanwhile; what was read from
 * another user's is of no use any more. */
static int is_read_for(secsession_mod_session_t *state, const secsession_session_t *session)
{
    if (state->is_read && state->id == NULL && session) {
        state->id = session->id;
    }
    return state->is_read && (session == NULL || strcmp(state->id, session->id) == 0);
}

void secsession_kept_read(request_rec *r, secsession_mod_session_t *state)
{
    const secsession_context_t *context = secsession_context_get(r);
    apr_pool_t *pool = pool_of(r);

    if (is_read_for(state, context->session)) {
        return;
    }
    *state = (secsession_mod_session_t){ .is_read = 1,
                                         .is_checked = state->is_checked,
                                         .failure = state->failure };
    state->kept = state->nothing = make_empty(pool);
    state->jar = secsession_jar_make(pool);
    state->is_unavailable = context->outcome == SECSESSION_UNAVAILABLE;
    if (context->session == NULL) {
        return;
    }
    state->id = context->session->id;
    state->nothing = make_empty(pool);
    switch (secsession_store_vault(secsession_config_server(r)->store, pool, context->session,
                                   &state->jar)) {
    case SECSESSION_DONE:
        state->encoded = find_in(state->jar);
        state->kept->encoded = state->encoded;
        break;
    case SECSESSION_UNAVAILABLE:
        state->is_unavailable = 1;
        break;
    default: /* it has just ended */
        break;
    }
}

void secsession_kept_note(request_rec *r, secsession_mod_session_t *state,
                          const session_rec *loaded)
{
    if (loaded == state->kept) {
        state->expiry = loaded->expiry;
        state->had_credentials = secsession_credentials_are_in(loaded->entries);
    } else if (loaded != state->nothing) {
        state->kept = make_empty(pool_of(r));
    }
}

/* --- saving ---------------------------------------------------------------------------------- */

/* mod_session is told that all is well, or it would log what has been logged, and try again. */
static int fail(request_rec *r, int status)
{
    secsession_kept_get(r)->failure = status;
    return OK;
}

/* What mod_session itself adds is nothing to keep. */
static int is_empty(const session_rec *record)
{
    const apr_array_header_t *array = apr_table_elts(record->entries);

    return array->nelts == 0
           || (array->nelts == 1 && apr_table_get(record->entries, "expiry") != NULL);
}

/* Whether the vault must hear of it. With SessionMaxAge mod_session saves with every request, only to
 * move its own expiry: a tenth is enough. */
static int is_news(const secsession_mod_session_t *state, const session_rec *record)
{
    if (is_empty(record)) {
        return state->encoded != NULL;
    }
    if (!record->dirty) {
        return (record->expiry - state->expiry) * 10 >= apr_time_from_sec(record->maxage);
    }
    return state->encoded == NULL || strcmp(state->encoded, record->encoded) != 0;
}

/* The one cookie for the vault; mod_session looks at its microseconds of expiry itself. NULL: the
 * vault has no room for it. */
static secsession_jar_t *pack(request_rec *r, const secsession_mod_session_t *state,
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
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS232: what mod_session is to keep does not fit into the session, which has "
                      "%d bytes in all: the request is answered with 500",
                      SECSESSION_JAR_BYTES);
        return NULL;
    }
    APR_ARRAY_PUSH(jar, secsession_kept_t) = cookie;
    return jar;
}

static int log_in(request_rec *r, secsession_mod_session_t *state, const char *user,
                  const secsession_jar_t *jar)
{
    secsession_context_t *context = secsession_context_get(r);
    const secsession_binding_t binding = { .user = user,
                                           .method = "form",
                                           .epoch = SECSESSION_NO_EPOCH,
                                           .moment = context->moment,
                                           .cookies = jar };

    if (!secsession_text_is_name(user, SECSESSION_USER_LENGTH)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS233: whom mod_auth_form has logged in cannot have a session: a user's name "
            "is UTF-8 of at most %d bytes, without control characters",
            SECSESSION_USER_LENGTH);
        return fail(r, HTTP_FORBIDDEN);
    }
    /* Without the moment nobody knows of a revocation while the password was checked. */
    if (context->moment == NULL) {
        return fail(r, HTTP_SERVICE_UNAVAILABLE);
    }
    switch (secsession_bind_user(r, &binding)) {
    case SECSESSION_LIVE:
        state->id = context->session->id;
        return OK;
    case SECSESSION_REVOKED:
    case SECSESSION_FULL:
        return fail(r, HTTP_FORBIDDEN);
    default:
        return fail(r, HTTP_SERVICE_UNAVAILABLE);
    }
}

/* Who logs out of mod_auth_form leaves the session altogether. */
static int log_out(request_rec *r, secsession_mod_session_t *state)
{
    const secsession_server_config_t *server = secsession_config_server(r);
    secsession_context_t *context = secsession_context_get(r);

    if (secsession_store_logout(server->store, r->pool, &context->token, server->realm,
                                context->session)
        != SECSESSION_LOGGED_OUT) {
        return fail(r, HTTP_SERVICE_UNAVAILABLE);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS234: user %s logged out of realm %s by mod_auth_form: session %s ended",
                  context->session->user, server->realm, context->session->id);
    context->outcome = SECSESSION_LOGGED_OUT;
    context->session = NULL;
    context->new_token = NULL;
    context->forget = 1;
    state->id = NULL;
    state->encoded = NULL;
    return OK;
}

static int keep(request_rec *r, secsession_mod_session_t *state,
                const secsession_session_t *session, const secsession_jar_t *jar)
{
    if (session) {
        /* Where the session has ended meanwhile, nothing is kept (I1). */
        return secsession_store_keep(secsession_config_server(r)->store, r->pool, session, jar)
                       == SECSESSION_UNAVAILABLE
                   ? fail(r, HTTP_SERVICE_UNAVAILABLE)
                   : OK;
    }
    if (secsession_bind_nobody(r, jar) != SECSESSION_ANONYMOUS) {
        return fail(r, HTTP_SERVICE_UNAVAILABLE);
    }
    state->id = secsession_context_get(r)->session->id;
    return OK;
}

/* Takes out what must not be in this user's session: credentials of others, and, when another user
 * than before has logged in, all else. Whether it has changed. */
static int purify(request_rec *r, session_rec *record, const char *posted,
                  const secsession_session_t *session)
{
    const char *owner = session ? session->user : NULL;

    if (posted && owner && strcmp(posted, owner) != 0) {
        secsession_credentials_keep_only(record->entries, posted);
        return 1;
    }
    if (!secsession_credentials_remove_others(record->entries, posted ? posted : owner)) {
        return 0;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, r,
        "SS235: what mod_session was to keep names a user whom mod_auth_form has not logged "
        "in here; that is left out; look at who writes the SessionHeader");
    return 1;
}

/* Whether a new session may take the place of what the browser presented: one with a retired token
 * has the next one by now, and one whose session has ended only for this location has it elsewhere. */
static int may_begin(request_rec *r, secsession_outcome_t outcome)
{
    return outcome != SECSESSION_RETIRED && secsession_context_get(r)->session == NULL;
}

int secsession_kept_save(request_rec *r, session_rec *record,
                         apr_status_t (*encode)(request_rec *, session_rec *))
{
    secsession_mod_session_t *state = secsession_kept_get(r);
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_context_session(r, &session);
    const char *posted = record->dirty ? secsession_credentials_posted(r, record->entries) : NULL;
    secsession_jar_t *jar;

    if (state->is_unavailable || state->failure) {
        return OK;
    }
    if (purify(r, record, posted, session) && encode(r, record) != OK) {
        return fail(r, HTTP_INTERNAL_SERVER_ERROR);
    }
    if (posted == NULL && session && state->had_credentials
        && !secsession_credentials_are_in(record->entries)) {
        return log_out(r, state);
    }
    if (posted == NULL
        && (!is_news(state, record)
            || (session == NULL && (!record->dirty || !may_begin(r, outcome))))) {
        return OK;
    }
    jar = pack(r, state, record);
    if (jar == NULL) {
        return fail(r, HTTP_INTERNAL_SERVER_ERROR);
    }
    return posted ? log_in(r, state, posted, jar) : keep(r, state, session, jar);
}
