/* Takes the user of a request from its session, or else answers with the login page or a
 * challenge. */
#include "http/access/authn.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_script.h>

#include "http/access/refusal.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/navigation.h"
#include "http/request/why.h"

APLOG_USE_MODULE(secsession);

int secsession_authn_is_ours(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && strcasecmp(type, SECSESSION_AUTH_TYPE) == 0;
}

/* When httpd sends an error, the fields that were in err_headers_out are in headers_out, where one
 * of another AuthType stays. */
static int set_challenge(request_rec *r, const char *challenge)
{
    if (secsession_authn_is_ours(r)) {
        apr_table_unset(r->headers_out, "WWW-Authenticate");
    }
    apr_table_setn(r->err_headers_out, "WWW-Authenticate", challenge);
    return HTTP_UNAUTHORIZED;
}

int secsession_authn_challenge(const secsession_here_t *here)
{
    return set_challenge(here->r, apr_pstrcat(here->r->pool, SECSESSION_AUTH_TYPE " realm=\"",
                                              here->server->realm, "\"", NULL));
}

int secsession_authn_demand(const secsession_here_t *here, secsession_outcome_t outcome)
{
    request_rec *r = here->r;
    const char *why = secsession_why_word(outcome == SECSESSION_UNKNOWN ? here->context->ended
                                                                        : outcome);
    const char *url = secsession_refusal_login_url(here, why);

    if (here->location->login_page && url == NULL) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS203: the login page %s itself requires a session: write Require all granted in its "
            "<Location>, and that after the section that protects the whole site (the sections of "
            "a virtual host are applied after those of the server)",
            here->location->login_page);
    }
    if (url && secsession_navigation_is_page(r)) {
        return secsession_answer_see_other(r, url);
    }
    secsession_answer_no_store(r);
    secsession_refusal_explain(here, HTTP_UNAUTHORIZED, why);
    return secsession_authn_challenge(here);
}

int secsession_authn_demand_fresh(const secsession_here_t *here, const char **location)
{
    request_rec *r = here->r;

    *location = secsession_navigation_is_page(r) ? secsession_authn_fresh_url(here) : NULL;
    if (*location) {
        return HTTP_SEE_OTHER;
    }
    return set_challenge(r, apr_psprintf(r->pool,
                                         SECSESSION_AUTH_TYPE
                                         " realm=\"%s\", "
                                         "error=\"insufficient_user_authentication\", max_age=%d",
                                         here->server->realm, here->context->fresh_within));
}

const char *secsession_authn_fresh_url(const secsession_here_t *here)
{
    return secsession_refusal_login_url(here, secsession_why_word(SECSESSION_STALE));
}

void secsession_authn_note_stale(const secsession_here_t *here, int within)
{
    here->context->fresh_within = within;
    secsession_refusal_explain(here, HTTP_UNAUTHORIZED, secsession_why_word(SECSESSION_STALE));
}

/* Whether this request has been refused for no other reason than that its login is not recent
 * enough. Other lines of Require may have refused it as well, and then a new login would not
 * help. */
static int is_only_stale(const secsession_here_t *here)
{
    secsession_context_t *context = here->context;
    int status = DECLINED;

    if (context && context->stale_within && !context->is_fresh_assumed && here->r->main == NULL) {
        context->is_fresh_assumed = 1;
        status = ap_run_auth_checker(here->r);
        context->is_fresh_assumed = 0;
    }
    return status == OK;
}

int secsession_authn_note_failure(request_rec *r, const char *type)
{
    const secsession_here_t here = secsession_here(r);

    if (is_only_stale(&here)) {
        secsession_authn_note_stale(&here, here.context->stale_within);
    }
    if (strcasecmp(type, SECSESSION_AUTH_TYPE) != 0) {
        return DECLINED;
    }
    secsession_authn_challenge(&here);
    return OK;
}

/* If AuthzSendForbiddenOnFailure is On, httpd has not called secsession_authn_note_failure(). */
static int refuse_user(const secsession_here_t *here, int status)
{
    request_rec *r = here->r;

    if (status == HTTP_FORBIDDEN && is_only_stale(here)) {
        secsession_authn_note_stale(here, here->context->stale_within);
    }
    if (here->context->fresh_within) {
        return HTTP_UNAUTHORIZED;
    }
    apr_table_unset(r->err_headers_out, "WWW-Authenticate");
    secsession_answer_no_store(r);
    secsession_refusal_explain(here, HTTP_FORBIDDEN, NULL);
    return HTTP_FORBIDDEN;
}

/* httpd itself answers a user who has no right as if nobody were logged in. */
int secsession_authn_check_right(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    secsession_context_t *context = here.context;
    int status;

    if (context == NULL || context->is_judged || r->user == NULL || !secsession_authn_is_ours(r)) {
        return DECLINED;
    }
    context->is_judged = 1;
    status = ap_run_auth_checker(r);
    context->is_judged = 0;
    return status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN ? refuse_user(&here, status)
                                                                   : status;
}

int secsession_authn_check(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;
    secsession_outcome_t outcome;

    if (!secsession_authn_is_ours(r)) {
        return DECLINED;
    }
    if (here.location->enabled != 1) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS202: AuthType SecSession is set at %s, but SecSession is Off there, so that nobody "
            "can get in: add SecSession On",
            r->uri);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    outcome = secsession_current_session(&here, &session);
    if (outcome == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(r);
    }
    if (outcome != SECSESSION_LIVE) {
        return secsession_authn_demand(&here, outcome);
    }
    r->user = apr_pstrdup(r->pool, session->user);
    r->ap_auth_type = apr_pstrdup(r->pool, SECSESSION_AUTH_TYPE);
    return OK;
}
