/* Takes the user of a request from its session, or else answers with the login page or a
 * challenge. */
#include "http/access/authn.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_script.h>

#include "http/parse/target.h"
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

#define LINE_REST 64 /* the method, the version, and the reason of the request for the page */

/* The path to return to after the login, encoded. It is empty, and the login page says so, if a
 * browser could take it for another host, or if httpd would refuse a request line that long. */
static const char *way_back(request_rec *r, const char *page)
{
    const char *target = secsession_asked_for(r);
    const char *encoded = secsession_target_is_local(target) ? ap_escape_urlencoded(r->pool, target)
                                                             : "";

    return strlen(page) + strlen(encoded) + LINE_REST <= (apr_size_t)r->server->limit_req_line
               ? encoded
               : "";
}

/* The URL of the login page, with the path to return to after the login. */
static const char *login_url(request_rec *r, const char *page, secsession_outcome_t outcome)
{
    const char *reason = secsession_why_word(outcome);

    return apr_pstrcat(r->pool, page, strchr(page, '?') ? "&" : "?", "return=", way_back(r, page),
                       reason ? "&why=" : "", reason ? reason : "", NULL);
}

int secsession_authn_demand(const secsession_here_t *here, secsession_outcome_t outcome)
{
    request_rec *r = here->r;
    const char *page = here->location->login_page;

    if (page && strncmp(r->uri, page, strcspn(page, "?")) == 0
        && r->uri[strcspn(page, "?")] == '\0') {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS203: the login page %s itself requires a session: write Require all granted in its "
            "<Location>, and that after the section that protects the whole site (the sections of "
            "a virtual host are applied after those of the server)",
            page);
        page = NULL;
    }
    if (page == NULL || !secsession_navigation_is_page(r)) {
        secsession_answer_no_store(r);
        return secsession_authn_challenge(here);
    }
    return secsession_answer_see_other(r, login_url(r, page,
                                                    outcome == SECSESSION_UNKNOWN
                                                        ? here->context->ended
                                                        : outcome));
}

const char *secsession_authn_fresh_url(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const char *page = here->location->login_page;

    return page ? login_url(r, page, SECSESSION_STALE) : NULL;
}

int secsession_authn_demand_fresh(const secsession_here_t *here, const char **location)
{
    request_rec *r = here->r;

    *location = secsession_navigation_is_page(r) ? secsession_authn_fresh_url(here) : NULL;
    if (*location) {
        return HTTP_SEE_OTHER;
    }
    if (r->method_number != M_GET) {
        /* NOT_SENT, for which httpd has set its own type. */
        secsession_answer_set_page_headers(r, SECSESSION_OWN_POLICY);
    }
    return set_challenge(r, apr_psprintf(r->pool,
                                         SECSESSION_AUTH_TYPE
                                         " realm=\"%s\", "
                                         "error=\"insufficient_user_authentication\", max_age=%d",
                                         here->server->realm, here->context->fresh_within));
}

static const char NOT_SENT[] =
    PAGE("Log in again",
         "<p role=\"alert\">What you have entered was not sent, because this page requires a "
         "more recent login.</p>\n<p>Log in again in another tab, come back to this page, and "
         "reload it to send the form again.</p>\n");

void secsession_authn_note_stale(const secsession_here_t *here, int within)
{
    here->context->fresh_within = within;
    if (here->r->method_number != M_GET) {
        ap_custom_response(here->r, HTTP_UNAUTHORIZED, NOT_SENT);
    }
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
