/* See logout.h. */
#include "http/handlers/logout.h"

#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "http/access/guard.h"
#include "http/application/response.h"
#include "http/handlers/page.h"
#include "http/request/context.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

#define CLEAR_SITE_DATA "\"cache\", \"storage\"" /* "cookies" would clear the whole domain's */

/* The session ends in the database first: a logout that did not happen is never reported as one. */
int secsession_logout_end(request_rec *r)
{
    const secsession_server_config_t *server = secsession_config_server(r);
    const char *clear = secsession_config_location(r)->clear_site_data;
    secsession_context_t *context = secsession_context_get(r);

    if (context->session) {
        if (secsession_store_logout(server->store, r->pool, &context->token, server->realm,
                                    context->session)
            != SECSESSION_LOGGED_OUT) {
            return secsession_response_unavailable(r);
        }
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS206: user %s logged out of realm %s: session %s ended",
                      context->session->user ? context->session->user : "(nobody)", server->realm,
                      context->session->id);
    }
    context->new_token = NULL;
    context->forget = context->presented != SECSESSION_COOKIE_NONE;
    secsession_response_no_store(r);
    if (clear == NULL || *clear) {
        apr_table_setn(r->err_headers_out, "Clear-Site-Data", clear ? clear : CLEAR_SITE_DATA);
    }
    return OK;
}

static int log_out(request_rec *r)
{
    const char *home = secsession_config_location(r)->logout_home;
    int status = secsession_logout_end(r);

    if (status != OK) {
        return status;
    }
    apr_table_setn(r->headers_out, "Location", home ? home : "/");
    return HTTP_SEE_OTHER;
}

/* A link of our own may log out; another site's image must not, so where the browser does not say
 * whose link it was, its user is asked. */
static int log_out_by_link(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");

    return site && strcmp(site, "same-origin") == 0 ? log_out(r) : secsession_page_send_logout(r);
}

int secsession_logout_answer(request_rec *r)
{
    const secsession_session_t *session;

    if (secsession_config_location(r)->enabled != 1) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS211: the handler secsession-logout needs SecSession On at %s", r->uri);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (secsession_context_session(r, &session) == SECSESSION_UNAVAILABLE) {
        return secsession_response_unavailable(r);
    }
    switch (r->method_number) {
    case M_GET:
        return r->header_only ? secsession_page_send_logout(r) : log_out_by_link(r);
    case M_POST:
        return secsession_guard_origin(r) == SECSESSION_OTHER_ORIGIN ? HTTP_FORBIDDEN : log_out(r);
    default:
        ap_allow_standard_methods(r, MERGE_ALLOW, M_GET, M_POST, M_OPTIONS, -1);
        return r->method_number == M_OPTIONS ? DECLINED : HTTP_METHOD_NOT_ALLOWED;
    }
}
