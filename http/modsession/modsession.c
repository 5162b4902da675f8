/* The hooks of mod_session, which are looked up at run time, and the hooks of httpd by which its
 * sessions are checked and kept. */
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

#include "http/modsession/state.h"
#include "http/parse/fields.h"
#include "http/request/answer.h"
#include "http/request/begin.h"
#include "http/request/current.h"

APLOG_USE_MODULE(secsession);

#define LOGIN_HANDLER "form-login-handler" /* mod_auth_form's */

/* The types of the functions that mod_session exports. */
typedef apr_status_t load_fn_t(request_rec *, session_rec **);
typedef apr_status_t save_fn_t(request_rec *, session_rec *);
typedef void hook_load_fn_t(load_fn_t *, const char *const *, const char *const *, int);
typedef void hook_save_fn_t(save_fn_t *, const char *const *, const char *const *, int);

static load_fn_t *load_through; /* ap_session_load(); NULL: there is no mod_session */
static save_fn_t *encode;       /* ap_run_session_encode() */
static ap_filter_rec_t *filter;

static int is_ours(const secsession_here_t *here)
{
    return load_through && here->context && here->location->enabled == 1;
}

/* --- mod_session's hooks --------------------------------------------------------------------- */

static apr_status_t load(request_rec *r, session_rec **result)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;
    secsession_state_t *state;

    if (!is_ours(&here)) {
        return DECLINED;
    }
    state = secsession_state_get(&here);
    session = secsession_current(&here);
    secsession_state_read(&here, state);
    if (state->is_unavailable && !state->is_checked) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    *result = session ? state->record : state->nothing;
    return OK;
}

static apr_status_t save(request_rec *r, session_rec *record)
{
    const secsession_here_t here = secsession_here(r);

    return is_ours(&here) ? secsession_state_save(&here, record, encode) : DECLINED;
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
    /* C has no cast from a pointer to an object to a pointer to a function. */
    memcpy(&hook_load, &found[0], sizeof(hook_load));
    memcpy(&hook_save, &found[1], sizeof(hook_save));
    memcpy(&encode, &found[2], sizeof(encode));
    /* Our hooks must run before those of httpd's own session stores. It is not too late to register
     * them: httpd sorts all hooks again after it has read the configuration. */
    apr_hook_debug_current = "mod_secsession.c";
    hook_load(load, NULL, NULL, APR_HOOK_FIRST);
    hook_save(save, NULL, NULL, APR_HOOK_FIRST);
    apr_hook_debug_current = current;
    return OK;
}

/* --- httpd's hooks --------------------------------------------------------------------------- */

int secsession_modsession_check(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    session_rec *loaded = NULL;
    secsession_state_t *state;

    if (!is_ours(&here)) {
        return DECLINED;
    }
    state = secsession_state_get(&here);
    state->is_checked = 1;
    state->is_on = load_through(r, &loaded) == APR_SUCCESS && loaded != NULL;
    if (!state->is_on) {
        return DECLINED;
    }
    if (state->is_unavailable) {
        return secsession_answer_unavailable(r);
    }
    secsession_state_note(&here, state, loaded);
    return DECLINED;
}

int secsession_modsession_is_on(const secsession_here_t *here)
{
    return is_ours(here) && here->context->state && here->context->state->is_on;
}

static int may_log_in(const secsession_here_t *here)
{
    const request_rec *r = here->r;

    return is_ours(here) && r->main == NULL && r->method_number == M_POST
           && secsession_fields_is_form(apr_table_get(r->headers_in, "Content-Type"));
}

int secsession_modsession_prepare(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const char *type = may_log_in(&here) ? ap_auth_type(r) : NULL;

    if (type && strcasecmp(type, "form") == 0) {
        secsession_begin_note_moment(&here);
    }
    return DECLINED;
}

int secsession_modsession_prepare_login(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (strcmp(r->handler, LOGIN_HANDLER) == 0 && may_log_in(&here)) {
        secsession_begin_note_moment(&here);
    }
    return DECLINED;
}

/* --- the response ---------------------------------------------------------------------------- */

/* An anonymous session may hold private data, too, so that no cache may store its responses. */
static void keep_private(const secsession_here_t *here, const secsession_state_t *state)
{
    request_rec *r = here->r;

    if (state->encoded && here->context->outcome == SECSESSION_ANONYMOUS
        && here->location->cache_control != 0) {
        apr_table_unset(r->headers_out, "Cache-Control");
        secsession_answer_no_store(r);
    }
}

static apr_status_t replace(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    const secsession_here_t here = secsession_here(r);
    const secsession_state_t *state = secsession_state_get(&here);

    ap_remove_output_filter(f);
    if (state->failure == 0) {
        keep_private(&here, state);
        return ap_pass_brigade(f->next, brigade);
    }
    if (state->failure == HTTP_SERVICE_UNAVAILABLE) {
        secsession_answer_unavailable(r);
    }
    if (r->status != state->failure) { /* otherwise this is already the error response */
        apr_brigade_cleanup(brigade);
        APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(state->failure, NULL, r->pool,
                                                                brigade->bucket_alloc));
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    }
    return ap_pass_brigade(f->next, brigade);
}

void secsession_modsession_insert(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (r->main == NULL && is_ours(&here)) {
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
    }
}

void secsession_modsession_register(void)
{
    /* This filter must run after the one of mod_session, which saves the session. */
    filter = ap_register_output_filter("SECSESSION_MOD_SESSION", replace, NULL,
                                       AP_FTYPE_CONTENT_SET);
}
