/* The page on which users see and end their own sessions, and the JSON by which scripts learn how
 * long the session lasts. */
#include "http/handlers/sessions.h"

#include <apr_strings.h>
#include <apr_uuid.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "http/access/authn.h"
#include "http/access/refusal.h"
#include "http/handlers/form.h"
#include "http/handlers/logout.h"
#include "http/handlers/page.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/navigation.h"
#include "http/request/origin.h"

APLOG_USE_MODULE(secsession);

#define FORM_LIMIT 1024

/* To end another session, the user must have logged in less than this ago. Otherwise a thief who
 * has one session could end all others of its user (OWASP ASVS 5.0 7.5.2). */
#define FRESH 900 /* seconds */

#define MINUTE ((apr_int64_t)60) /* seconds */
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char END_OTHERS[] =
    "<form method=\"post\"><input type=\"hidden\" name=\"end\" value=\"others\">"
    "<button type=\"submit\">End all other sessions</button></form>\n";

static int is_fresh(const secsession_session_t *session)
{
    return session->age_ms / 1000 < FRESH;
}

/* --- the time left ---------------------------------------------------------------------------- */

static int wants_json(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept && ap_strcasestr(accept, "application/json")
           && !ap_strcasestr(accept, "text/html");
}

/* A user name has no control characters, which would have to be escaped, too. */
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

static int send_left(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;
    apr_int64_t idle = secsession_current_idle_timeout(here, session) - session->idle_ms / 1000;

    ap_set_content_type(r, "application/json");
    secsession_answer_no_store(r);
    ap_rprintf(r,
               "{\"user\":%s,\"idle_seconds_left\":%" APR_INT64_T_FMT
               ",\"seconds_left\":%" APR_INT64_T_FMT "}\n",
               json_string(r->pool, session->user), idle > 0 ? idle : 0, session->left_ms / 1000);
    return OK;
}

/* --- the list --------------------------------------------------------------------------------- */

static const char *ago(apr_pool_t *pool, apr_int64_t seconds)
{
    if (seconds < 120) {
        return "just now";
    }
    if (seconds < 2 * HOUR) {
        return apr_psprintf(pool, "%d minutes ago", (int)(seconds / MINUTE));
    }
    if (seconds < 2 * DAY) {
        return apr_psprintf(pool, "%d hours ago", (int)(seconds / HOUR));
    }
    return apr_psprintf(pool, "%d days ago", (int)(seconds / DAY));
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

static void send_way_to_end(const secsession_here_t *here, int can_end)
{
    request_rec *r = here->r;
    const char *url = can_end ? NULL : secsession_authn_fresh_url(here);

    if (can_end) {
        ap_rputs(END_OTHERS, r);
    } else if (url) {
        ap_rvputs(r, "<p><a href=\"", ap_escape_html(r->pool, url),
                  "\">Log in once more</a> to end other sessions.</p>\n", NULL);
    } else {
        ap_rputs("<p>To end other sessions, log out and log in again.</p>\n", r);
    }
}

static int send_list(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;
    int can_end = is_fresh(session);
    apr_array_header_t *list;

    if (secsession_store_own(here->server->store, r->pool, session, &list) != SECSESSION_DONE) {
        return secsession_answer_unavailable(r);
    }
    if (secsession_navigation_is_framed(r)) {
        return secsession_page_send_framed(r, "Your sessions", NULL, 0);
    }
    secsession_answer_set_page_headers(r, SECSESSION_OWN_POLICY);
    ap_rvputs(r, PAGE_HEAD("Your sessions"), "<p>", ap_escape_html(r->pool, session->user),
              " is logged in here:</p>\n<ul>\n", NULL);
    for (int i = 0; i < list->nelts; i++) {
        const secsession_own_t *own = &APR_ARRAY_IDX(list, i, secsession_own_t);

        send_row(r, own, strcmp(own->id, session->id) == 0, can_end);
    }
    ap_rputs("</ul>\n", r);
    if (list->nelts > 1) {
        send_way_to_end(here, can_end);
    }
    ap_rputs(PAGE_TAIL, r);
    return OK;
}

/* --- ending sessions -------------------------------------------------------------------------- */

static int is_id(const char *text)
{
    apr_uuid_t id;

    return apr_uuid_parse(&id, text) == APR_SUCCESS && strlen(text) == APR_UUID_FORMATTED_LENGTH;
}

static int end(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;
    secsession_store_t *store = here->server->store;
    const char *which;
    secsession_outcome_t outcome;
    char *form;
    int status = secsession_form_read(r, FORM_LIMIT, &form);

    if (status != OK) {
        return status;
    }
    which = secsession_form_get(r->pool, form, "end");
    if (which && strcmp(which, session->id) == 0) {
        return secsession_logout_end(here);
    }
    if (which == NULL || (strcmp(which, "others") != 0 && !is_id(which))) {
        return HTTP_BAD_REQUEST;
    }
    if (!is_fresh(session)) {
        secsession_authn_note_stale(here, FRESH);
        return HTTP_UNAUTHORIZED;
    }
    outcome = strcmp(which, "others") == 0
                  ? secsession_store_revoke_own(store, r->pool, session, 1, "its user asked for it")
                  : secsession_store_end_own(store, r->pool, session, which);
    return outcome == SECSESSION_DONE
               ? secsession_answer_see_other(r, ap_escape_uri(r->pool, r->uri))
               : secsession_answer_unavailable(r);
}

int secsession_sessions_answer(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;
    secsession_outcome_t outcome;

    outcome = secsession_current_session(&here, &session);
    if (outcome == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(r);
    }
    if (outcome != SECSESSION_LIVE) {
        return secsession_authn_demand(&here, outcome);
    }
    switch (r->method_number) {
    case M_GET:
        return wants_json(r) ? send_left(&here, session) : send_list(&here, session);
    case M_POST:
        return secsession_origin_is_stranger(&here) ? secsession_refusal_of_stranger(&here)
                                                    : end(&here, session);
    default:
        return secsession_answer_other_method(r);
    }
}
