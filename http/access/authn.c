/* See authn.h. */
#include "http/access/authn.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_script.h>

#include "http/application/response.h"
#include "http/parse/target.h"
#include "http/request/context.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

int secsession_authn_is_ours(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && strcasecmp(type, SECSESSION_AUTH_TYPE) == 0;
}

int secsession_authn_challenge(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   apr_pstrcat(r->pool, SECSESSION_AUTH_TYPE " realm=\"",
                               secsession_config_server(r)->realm, "\"", NULL));
    return HTTP_UNAUTHORIZED;
}

/* A page that a person is waiting for, not a script's request or an image: only then is a login
 * page of use (Fetch Metadata says so where the browser knows it). */
static int is_navigation(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");

    return r->method_number == M_GET && accept && ap_strcasestr(accept, "text/html")
           && (mode == NULL || strcmp(mode, "navigate") == 0)
           && apr_table_get(r->headers_in, "X-Requested-With") == NULL;
}

static const char *why(secsession_outcome_t outcome)
{
    switch (outcome) {
    case SECSESSION_IDLE:
        return "idle";
    case SECSESSION_ABSOLUTE:
        return "absolute";
    case SECSESSION_REVOKED:
        return "revoked";
    case SECSESSION_REUSE:
        return "reuse";
    case SECSESSION_STALE:
        return "fresh";
    case SECSESSION_MOVED:
        return "moved";
    case SECSESSION_EVICTED:
        return "evicted";
    default:
        return NULL;
    }
}

/* The login page, with the way back to what the browser asked for. */
static const char *login_url(request_rec *r, const char *page, secsession_outcome_t outcome)
{
    const char *url = page, *separator = strchr(page, '?') ? "&" : "?";
    const char *target = secsession_context_asked_for(r);

    if (secsession_target_is_local(target)) {
        url = apr_pstrcat(r->pool, url, separator, "return=", ap_escape_urlencoded(r->pool, target),
                          NULL);
        separator = "&";
    }
    if (why(outcome)) {
        url = apr_pstrcat(r->pool, url, separator, "why=", why(outcome), NULL);
    }
    return url;
}

int secsession_authn_demand(request_rec *r, secsession_outcome_t outcome)
{
    const char *page = secsession_config_location(r)->login_page;

    if (page && strncmp(r->uri, page, strcspn(page, "?")) == 0
        && r->uri[strcspn(page, "?")] == '\0') {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS203: the login page %s itself requires a session: write Require all granted "
            "in its <Location>",
            page);
        page = NULL;
    }
    secsession_response_no_store(r);
    if (page == NULL || !is_navigation(r)) {
        return secsession_authn_challenge(r);
    }
    apr_table_setn(r->headers_out, "Location", login_url(r, page, outcome));
    return HTTP_SEE_OTHER;
}

const char *secsession_authn_fresh_url(request_rec *r)
{
    const char *page = secsession_config_location(r)->login_page;

    return page ? login_url(r, page, SECSESSION_STALE) : NULL;
}

int secsession_authn_demand_fresh(request_rec *r, const char **location)
{
    *location = is_navigation(r) ? secsession_authn_fresh_url(r) : NULL;
    if (*location) {
        return HTTP_SEE_OTHER;
    }
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   apr_psprintf(r->pool,
                                SECSESSION_AUTH_TYPE
                                " realm=\"%s\", "
                                "error=\"insufficient_user_authentication\", max_age=%d",
                                secsession_config_server(r)->realm,
                                secsession_context_get(r)->fresh_within));
    return HTTP_UNAUTHORIZED;
}

int secsession_authn_note_failure(request_rec *r, const char *type)
{
    if (strcasecmp(type, SECSESSION_AUTH_TYPE) != 0) {
        return DECLINED;
    }
    secsession_authn_challenge(r);
    return OK;
}

int secsession_authn_check(request_rec *r)
{
    const secsession_session_t *session;
    secsession_outcome_t outcome;

    if (!secsession_authn_is_ours(r)) {
        return DECLINED;
    }
    if (secsession_config_location(r)->enabled != 1) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS202: AuthType SecSession at %s, but SecSession is not On there: nobody can get "
            "in; write SecSession On",
            r->uri);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    outcome = secsession_context_session(r, &session);
    if (outcome == SECSESSION_UNAVAILABLE) {
        return secsession_response_unavailable(r);
    }
    if (outcome != SECSESSION_LIVE) {
        return secsession_authn_demand(r, outcome);
    }
    r->user = apr_pstrdup(r->pool, session->user);
    r->ap_auth_type = apr_pstrdup(r->pool, SECSESSION_AUTH_TYPE);
    return OK;
}
