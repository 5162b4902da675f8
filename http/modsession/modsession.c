/* See modsession.h. */
#include "http/modsession/modsession.h"

#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <dlfcn.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_session.h>
#include <util_filter.h>

#include "http/application/response.h"
#include "http/modsession/state.h"
#include "http/request/begin.h"
#include "http/request/context.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

#define FORM "application/x-www-form-urlencoded"
#define LOGIN_HANDLER "form-login-handler" /* mod_auth_form's */

/* What mod_session exports. */
typedef apr_status_t load_fn_t(request_rec *, session_rec **);
typedef apr_status_t save_fn_t(request_rec *, session_rec *);
typedef void hook_load_fn_t(load_fn_t *, const char *const *, const char *const *, int);
typedef void hook_save_fn_t(save_fn_t *, const char *const *, const char *const *, int);

static load_fn_t *load_through; /* ap_session_load(); NULL: there is no mod_session */
static save_fn_t *encode;       /* ap_run_session_encode() */
static ap_filter_rec_t *filter;

static int is_ours(request_rec *r)
{
    return load_through && secsession_context_get(r) && secsession_config_location(r)->enabled == 1;
}

/* --- mod_session's hooks --------------------------------------------------------------------- */

static apr_status_t load(request_rec *r, session_rec **result)
{
    const secsession_session_t *session;
    secsession_mod_session_t *state;

    if (!is_ours(r)) {
        return DECLINED;
    }
    state = secsession_kept_get(r);
    secsession_context_session(r, &session);
    secsession_kept_read(r, state);
    if (state->is_unavailable && !state->is_checked) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    *result = session ? state->kept : state->nothing;
    return OK;
}

static apr_status_t save(request_rec *r, session_rec *record)
{
    return is_ours(r) ? secsession_kept_save(r, record, encode) : DECLINED;
}

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

/* --- httpd's hooks --------------------------------------------------------------------------- */

int secsession_modsession_check(request_rec *r)
{
    session_rec *loaded = NULL;
    secsession_mod_session_t *state;

    if (!is_ours(r)) {
        return DECLINED;
    }
    state = secsession_kept_get(r);
    state->is_checked = 1;
    if (load_through(r, &loaded) != APR_SUCCESS || loaded == NULL) {
        return DECLINED; /* Session is Off here */
    }
    if (state->is_unavailable) {
        return secsession_response_unavailable(r);
    }
    secsession_kept_note(r, state, loaded);
    return DECLINED;
}

static int may_log_in(request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return is_ours(r) && r->main == NULL && r->method_number == M_POST && type
           && strncasecmp(type, FORM, sizeof(FORM) - 1) == 0;
}

int secsession_modsession_prepare(request_rec *r)
{
    const char *type = may_log_in(r) ? ap_auth_type(r) : NULL;

    if (type && strcasecmp(type, "form") == 0) {
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

/* --- the response ---------------------------------------------------------------------------- */

/* Who has no user yet may have something all the same that is not for a cache. */
static void keep_private(request_rec *r, const secsession_mod_session_t *state)
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
    const secsession_mod_session_t *state = secsession_kept_get(r);

    ap_remove_output_filter(f);
    if (state->failure == 0) {
        keep_private(r, state);
        return ap_pass_brigade(f->next, brigade);
    }
    if (state->failure == HTTP_SERVICE_UNAVAILABLE) {
        secsession_response_unavailable(r);
    }
    if (r->status != state->failure) { /* else it is the answer already */
        apr_brigade_cleanup(brigade);
        APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(state->failure, NULL, r->pool,
                                                                brigade->bucket_alloc));
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    }
    return ap_pass_brigade(f->next, brigade);
}

void secsession_modsession_insert(request_rec *r)
{
    if (r->main == NULL && is_ours(r)) {
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
    }
}

void secsession_modsession_register(void)
{
    /* After mod_session's own, which saves. */
    filter = ap_register_output_filter("SECSESSION_MOD_SESSION", replace, NULL,
                                       AP_FTYPE_CONTENT_SET);
}
