/* See modsession.h. */
#include "http/modsession.h"

#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <dlfcn.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_session.h>
#include <util_filter.h>

#include "http/bind.h"
#include "http/config.h"
#include "http/context.h"
#include "http/credentials.h"
#include "http/response.h"
#include "http/text.h"

APLOG_USE_MODULE(secsession);

/* The cookie of the vault that holds it all. No application can set one of this name, and it is for
 * no host and no path: the vault gives it to no backend. */
#define HIDDEN "\001"
#define NAME HIDDEN "session"

#define LOGIN_HANDLER "form-login-handler" /* mod_auth_form's */

/* What a request knows of what mod_session keeps. */
typedef struct secsession_mod_session_t {
    const char *id;        /* of the session it was read from, or NULL */
    session_rec *kept;     /* what that has kept */
    session_rec *nothing;  /* for where the request has no session */
    const char *encoded;   /* `kept`, as it is in the vault; NULL: it is not */
    secsession_jar_t *jar; /* the whole vault */
    apr_time_t expiry;     /* mod_session's own, as it was kept */
    int is_read;
    int is_checked; /* secsession_modsession_check() answers for it if nothing is known */
    int is_unavailable;
    int had_credentials;
    int failure; /* the status of the answer to a request that could not be kept, or 0 */
} state_t;

/* What mod_session exports. */
typedef apr_status_t load_fn_t(request_rec *, session_rec **);
typedef apr_status_t save_fn_t(request_rec *, session_rec *);
typedef void hook_load_fn_t(load_fn_t *, const char *const *, const char *const *, int);
typedef void hook_save_fn_t(save_fn_t *, const char *const *, const char *const *, int);

static load_fn_t *load_through; /* ap_session_load(); NULL: there is no mod_session */
static save_fn_t *encode;       /* ap_run_session_encode() */
static ap_filter_rec_t *filter;

/* --- the state of a request ------------------------------------------------------------------ */

static int is_ours(request_rec *r)
{
    return secsession_context_get(r) && secsession_config_location(r)->enabled == 1;
}

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

static state_t *state_of(request_rec *r)
{
    secsession_context_t *context = secsession_context_get(r);

    if (context->mod_session == NULL) {
        context->mod_session = apr_pcalloc(pool_of(r), sizeof(state_t));
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

static int is_of(const state_t *state, const secsession_session_t *session)
{
    const char *id = session ? session->id : NULL;

    return id == state->id || (id && state->id && strcmp(id, state->id) == 0);
}

/* Reads the vault once, and again if the session has become another one meanwhile: then nothing of
 * the former is of any use. */
static void read_vault(request_rec *r, state_t *state)
{
    const secsession_context_t *context = secsession_context_get(r);
    apr_pool_t *pool = pool_of(r);

    if (state->is_read && is_of(state, context->session)) {
        return;
    }
    *state = (state_t){ .is_read = 1, .is_checked = state->is_checked, .failure = state->failure };
    state->kept = make_empty(pool);
    state->nothing = make_empty(pool);
    state->jar = secsession_jar_make(pool);
    state->is_unavailable = context->outcome == SECSESSION_UNAVAILABLE;
    if (context->session == NULL) {
        return;
    }
    state->id = context->session->id;
    switch (secsession_store_vault(secsession_config_server(r)->store, pool, context->session,
                                   &state->jar)) {
    case SECSESSION_LIVE:
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

/* session_load */
static apr_status_t load(request_rec *r, session_rec **result)
{
    const secsession_session_t *session;
    state_t *state;

    if (!is_ours(r)) {
        return DECLINED;
    }
    state = state_of(r);
    secsession_context_session(r, &session);
    read_vault(r, state);
    if (state->is_unavailable && !state->is_checked) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    *result = session ? state->kept : state->nothing;
    return OK;
}

int secsession_modsession_check(request_rec *r)
{
    session_rec *loaded = NULL;
    state_t *state;

    if (load_through == NULL || !is_ours(r)) {
        return DECLINED;
    }
    state = state_of(r);
    state->is_checked = 1;
    if (load_through(r, &loaded) != APR_SUCCESS || loaded == NULL) {
        return DECLINED; /* Session is Off here */
    }
    if (state->is_unavailable) {
        return secsession_response_unavailable(r);
    }
    if (loaded != state->kept && loaded != state->nothing) {
        state->kept =
            make_empty(pool_of(r)); /* mod_session found it expired or could not read it */
    } else if (loaded == state->kept) {
        state->expiry = loaded->expiry;
        state->had_credentials = secsession_credentials_are_in(loaded->entries);
    }
    return DECLINED;
}

/* --- logins ---------------------------------------------------------------------------------- */

static int may_log_in(request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return load_through && is_ours(r) && r->main == NULL && r->method_number == M_POST && type
           && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
}

int secsession_modsession_prepare(request_rec *r)
{
    const char *type = ap_auth_type(r);

    if (type && strcasecmp(type, "form") == 0 && may_log_in(r)) {
        secsession_bind_note_moment(r);
    }
    return DECLINED;
}

int secsession_modsession_prepare_login(request_rec *r)
{
    if (strcmp(r->handler, LOGIN_HANDLER) == 0 && may_log_in(r)) {
        secsession_bind_note_moment(r);
    }
    return DECLINED;
}

/* --- keeping --------------------------------------------------------------------------------- */

/* mod_session is told that all is well, or it would log what has been logged, and try again. */
static apr_status_t fail(request_rec *r, int status)
{
    state_of(r)->failure = status;
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
static int is_news(const state_t *state, const session_rec *record)
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
static secsession_jar_t *pack(request_rec *r, const state_t *state, const session_rec *record)
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
                      "SS232: what mod_session is to keep does not fit into the session: it has %d "
                      "bytes in all; the request is answered with 500",
                      SECSESSION_JAR_BYTES);
        return NULL;
    }
    APR_ARRAY_PUSH(jar, secsession_kept_t) = cookie;
    return jar;
}

static apr_status_t log_in(request_rec *r, state_t *state, const char *user,
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
        return fail(r, HTTP_FORBIDDEN);
    default:
        return fail(r, HTTP_SERVICE_UNAVAILABLE);
    }
}

/* Who logs out of mod_auth_form leaves the session altogether. */
static apr_status_t log_out(request_rec *r)
{
    const secsession_server_config_t *server = secsession_config_server(r);
    secsession_context_t *context = secsession_context_get(r);

    if (secsession_store_logout(server->store, r->pool, &context->token, server->realm)
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
    state_of(r)->id = NULL;
    return OK;
}

static apr_status_t keep(request_rec *r, state_t *state, const secsession_session_t *session,
                         const secsession_jar_t *jar)
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

/* Takes out credentials of others than the session's user, and encodes the rest again. */
static void purify(request_rec *r, session_rec *record, const char *user, int is_login)
{
    if (!secsession_credentials_remove_others(record->entries, user)) {
        return;
    }
    if (!is_login) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "SS235: what mod_session was to keep names a user whom mod_auth_form has not "
                      "logged in here; that is left out; look at who writes the SessionHeader");
    }
    encode(r, record);
}

/* session_save */
static apr_status_t save(request_rec *r, session_rec *record)
{
    const secsession_session_t *session;
    const char *posted, *user;
    secsession_outcome_t outcome;
    secsession_jar_t *jar;
    state_t *state;

    if (!is_ours(r)) {
        return DECLINED;
    }
    state = state_of(r);
    outcome = secsession_context_session(r, &session);
    /* A browser with a retired token has the next one by now, and must not lose it. */
    if (state->is_unavailable || state->failure || outcome == SECSESSION_RETIRED) {
        return OK;
    }
    posted = record->dirty ? secsession_credentials_posted(r, record->entries) : NULL;
    user = posted ? posted : session ? session->user : NULL;
    purify(r, record, user, posted != NULL);
    if (posted == NULL && session && state->had_credentials
        && !secsession_credentials_are_in(record->entries)) {
        return log_out(r);
    }
    if (posted == NULL && (!is_news(state, record) || (session == NULL && !record->dirty))) {
        return OK;
    }
    jar = pack(r, state, record);
    if (jar == NULL) {
        return fail(r, HTTP_INTERNAL_SERVER_ERROR);
    }
    return posted ? log_in(r, state, posted, jar) : keep(r, state, session, jar);
}

/* --- the response ---------------------------------------------------------------------------- */

/* Who has no user yet may have something all the same that is not for a cache. */
static void keep_private(request_rec *r, const state_t *state)
{
    if (state->encoded && secsession_context_get(r)->outcome == SECSESSION_ANONYMOUS
        && secsession_config_location(r)->cache_control != 0) {
        apr_table_unset(r->headers_out, "Cache-Control");
        secsession_response_no_store(r);
    }
}

static apr_status_t replace(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    const state_t *state = state_of(r);

    ap_remove_output_filter(f);
    if (state->failure == 0) {
        keep_private(r, state);
        return ap_pass_brigade(f->next, brigade);
    }
    if (state->failure == HTTP_SERVICE_UNAVAILABLE) {
        secsession_response_unavailable(r);
    }
    if (r->status == state->failure) { /* this is the answer already */
        return ap_pass_brigade(f->next, brigade);
    }
    apr_brigade_cleanup(brigade);
    APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(state->failure, NULL, r->pool,
                                                            brigade->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    return ap_pass_brigade(f->next, brigade);
}

void secsession_modsession_insert(request_rec *r)
{
    if (load_through && r->main == NULL && is_ours(r)) {
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
    }
}

void secsession_modsession_register(void)
{
    /* After mod_session's own, which saves. */
    filter = ap_register_output_filter("SECSESSION_MOD_SESSION", replace, NULL,
                                       AP_FTYPE_CONTENT_SET);
}

/* --- mod_session ----------------------------------------------------------------------------- */

static void *find(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

int secsession_modsession_is_there(void)
{
    return load_through != NULL;
}

int secsession_modsession_find(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    const char *current = apr_hook_debug_current;
    void *found[] = { find("ap_hook_session_load"), find("ap_hook_session_save"),
                      find("ap_run_session_encode") };
    hook_load_fn_t *hook_load;
    hook_save_fn_t *hook_save;

    load_through = APR_RETRIEVE_OPTIONAL_FN(ap_session_load);
    if (load_through == NULL || !found[0] || !found[1] || !found[2]) {
        load_through = NULL;
        return OK;
    }
    memcpy(&hook_load, &found[0], sizeof(hook_load)); /* C has no cast for it */
    memcpy(&hook_save, &found[1], sizeof(hook_save));
    memcpy(&encode, &found[2], sizeof(encode));
    /* Before the stores of httpd's own; httpd sorts hooks again when it has read the configuration. */
    apr_hook_debug_current = "mod_secsession.c";
    hook_load(load, NULL, NULL, APR_HOOK_FIRST);
    hook_save(save, NULL, NULL, APR_HOOK_FIRST);
    apr_hook_debug_current = current;
    return OK;
}
