/* See sessions.h. */
#include "http/handlers/sessions.h"

#include <apr_strings.h>
#include <apr_uuid.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "http/access/authn.h"
#include "http/access/guard.h"
#include "http/application/environment.h"
#include "http/application/response.h"
#include "http/handlers/form.h"
#include "http/handlers/logout.h"
#include "http/handlers/page.h"
#include "http/request/context.h"
#include "http/request/html.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

#define FORM_LIMIT 1024

/* OWASP ASVS 5.0 7.5.2: who ends another session has logged in less long ago, or a thief with one
 * session could throw the user out of the others. */
#define FRESH 900 /* seconds */

static const char END_OTHERS[] =
    "<form method=\"post\"><input type=\"hidden\" name=\"end\" value=\"others\">"
    "<button type=\"submit\">End all other sessions</button></form>\n";

static int is_fresh(const secsession_session_t *session)
{
    return session->age_ms / 1000 < FRESH;
}

/* --- how long -------------------------------------------------------------------------------- */

static int wants_json(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept && ap_strcasestr(accept, "application/json")
           && !ap_strcasestr(accept, "text/html");
}

/* A user's name has no control character. */
static const char *json_string(apr_pool_t *pool, const char *text)
{
    char *quoted = apr_palloc(pool, 2 * strlen(text) + 3), *to = quoted;

    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            *to++ = '\\';
        }
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return quoted;
}

static int send_left(request_rec *r, const secsession_session_t *session)
{
    apr_int64_t idle = secsession_identity_idle_timeout(r, session) - session->idle_ms / 1000;

    ap_set_content_type(r, "application/json");
    secsession_response_no_store(r);
    ap_rprintf(r,
               "{\"user\":%s,\"idle_seconds_left\":%" APR_INT64_T_FMT
               ",\"seconds_left\":%" APR_INT64_T_FMT "}\n",
               json_string(r->pool, session->user), idle > 0 ? idle : 0, session->left_ms / 1000);
    return OK;
}

/* --- which ----------------------------------------------------------------------------------- */

static const char *ago(apr_pool_t *pool, apr_int64_t seconds)
{
    return seconds < 120      ? "just now"
           : seconds < 7200   ? apr_psprintf(pool, "%d minutes ago", (int)(seconds / 60))
           : seconds < 172800 ? apr_psprintf(pool, "%d hours ago", (int)(seconds / 3600))
                              : apr_psprintf(pool, "%d days ago", (int)(seconds / 86400));
}

static void send_row(request_rec *r, const secsession_own_t *own, int is_this, int can_end)
{
    ap_rvputs(r, "<li><p>", ap_escape_html(r->pool, *own->user_agent ? own->user_agent : "Unknown"),
              "<br>from ", ap_escape_html(r->pool, own->client_addr), "<br>logged in ",
              ago(r->pool, own->authenticated_s), ", used ", ago(r->pool, own->seen_s),
              is_this ? " <strong>(this one)</strong>" : "", "</p>\n", NULL);
    if (is_this || can_end) {
        ap_rvputs(r, "<form method=\"post\"><input type=\"hidden\" name=\"end\" value=\"", own->id,
                  "\"><button type=\"submit\">", is_this ? "Log out" : "End this session",
                  "</button></form>", NULL);
    }
    ap_rputs("</li>\n", r);
}

static void send_way_to_end(request_rec *r, int can_end)
{
    const char *url = can_end ? NULL : secsession_authn_fresh_url(r);

    if (can_end) {
        ap_rputs(END_OTHERS, r);
    } else if (url) {
        ap_rvputs(r, "<p><a href=\"", ap_escape_html(r->pool, url),
                  "\">Log in once more</a> to end others of them.</p>\n", NULL);
    } else {
        ap_rputs("<p>To end others of them, log out and log in again.</p>\n", r);
    }
}

static int send_list(request_rec *r, const secsession_session_t *session)
{
    int can_end = is_fresh(session);
    apr_array_header_t *list;

    if (secsession_store_own(secsession_config_server(r)->store, r->pool, session, &list)
        != SECSESSION_DONE) {
        return secsession_response_unavailable(r);
    }
    secsession_page_set_headers(r, SECSESSION_OWN_POLICY);
    ap_rvputs(r, PAGE_HEAD("Your sessions"), "<p>", ap_escape_html(r->pool, session->user),
              " is logged in here:</p>\n<ul>\n", NULL);
    for (int i = 0; i < list->nelts; i++) {
        const secsession_own_t *own = &APR_ARRAY_IDX(list, i, secsession_own_t);

        send_row(r, own, strcmp(own->id, session->id) == 0, can_end);
    }
    ap_rputs("</ul>\n", r);
    if (list->nelts > 1) {
        send_way_to_end(r, can_end);
    }
    ap_rputs(PAGE_TAIL, r);
    return OK;
}

/* --- ending ---------------------------------------------------------------------------------- */

static int see_other(request_rec *r, const char *target)
{
    secsession_response_no_store(r);
    apr_table_setn(r->headers_out, "Location", target);
    return HTTP_SEE_OTHER;
}

static int demand_fresh(request_rec *r)
{
    secsession_context_get(r)->fresh_within = FRESH;
    ap_custom_response(r, HTTP_UNAUTHORIZED, secsession_page_not_sent());
    return HTTP_UNAUTHORIZED;
}

static int is_id(const char *text)
{
    apr_uuid_t id;

    return apr_uuid_parse(&id, text) == APR_SUCCESS && strlen(text) == APR_UUID_FORMATTED_LENGTH;
}

static int end(request_rec *r, const secsession_session_t *session)
{
    secsession_store_t *store = secsession_config_server(r)->store;
    const char *home = secsession_config_location(r)->logout_home, *which;
    secsession_outcome_t outcome;
    char *form;
    int status = secsession_form_read(r, FORM_LIMIT, &form);

    if (status != OK) {
        return status;
    }
    which = secsession_form_get(r->pool, form, "end");
    if (which && strcmp(which, session->id) == 0) {
        status = secsession_logout_end(r);
        return status == OK ? see_other(r, home ? home : "/") : status;
    }
    if (which == NULL || (strcmp(which, "others") != 0 && !is_id(which))) {
        return HTTP_BAD_REQUEST;
    }
    if (!is_fresh(session)) {
        return demand_fresh(r);
    }
    outcome = strcmp(which, "others") == 0
                  ? secsession_store_revoke_own(store, r->pool, session, 1, "its user asked for it")
                  : secsession_store_end_own(store, r->pool, session, which);
    return outcome == SECSESSION_DONE ? see_other(r, ap_escape_uri(r->pool, r->uri))
                                      : secsession_response_unavailable(r);
}

int secsession_sessions_answer(request_rec *r)
{
    const secsession_session_t *session;

    switch (secsession_context_session(r, &session)) {
    case SECSESSION_LIVE:
        break;
    case SECSESSION_UNAVAILABLE:
        return secsession_response_unavailable(r);
    default:
        secsession_response_no_store(r);
        return secsession_authn_challenge(r);
    }
    switch (r->method_number) {
    case M_GET:
        return wants_json(r) ? send_left(r, session) : send_list(r, session);
    case M_POST:
        return secsession_guard_origin(r) == SECSESSION_OTHER_ORIGIN ? HTTP_FORBIDDEN
                                                                     : end(r, session);
    default:
        ap_allow_standard_methods(r, MERGE_ALLOW, M_GET, M_POST, M_OPTIONS, -1);
        return r->method_number == M_OPTIONS ? DECLINED : HTTP_METHOD_NOT_ALLOWED;
    }
}
