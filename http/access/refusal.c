/* The page of a refusal, and the address of the login page to which it leads. It has links and no
 * form, so that it may be shown in a frame. */
#include "http/access/refusal.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>

#include "http/parse/target.h"
#include "http/request/answer.h"
#include "http/request/navigation.h"
#include "http/request/origin.h"
#include "http/request/why.h"

/* --- the address of the login page ------------------------------------------------------------ */

#define LINE_REST 64 /* the method, the version, and the reason of the request for the page */

/* Browsers send a backslash in a query as it is, where it means nothing. In a path some take it for
 * a slash. */
static const char *encode_query(apr_pool_t *pool, const char *target)
{
    const char *query = strchr(target, '?'), *bad;

    while (query && (bad = strchr(query, '\\')) != NULL) {
        target = apr_pstrcat(pool, apr_pstrmemdup(pool, target, (apr_size_t)(bad - target)), "%5C",
                             bad + 1, NULL);
        query = strchr(target, '?');
    }
    return target;
}

/* The path to return to after the login, encoded. It is empty, and the login page says so, if a
 * browser could take it for another host, or if httpd would refuse a request line that long. */
static const char *way_back(request_rec *r, const char *page)
{
    const char *target = encode_query(r->pool, secsession_asked_for(r));
    const char *encoded = secsession_target_is_local(target) ? ap_escape_urlencoded(r->pool, target)
                                                             : "";

    return strlen(page) + strlen(encoded) + LINE_REST <= (apr_size_t)r->server->limit_req_line
               ? encoded
               : "";
}

/* Whether the client has sent anything that a refusal would lose. */
static int has_sent(const secsession_here_t *here)
{
    return here->r->method_number != M_GET || here->context->is_posted;
}

static int is_login_page(const request_rec *r, const char *page)
{
    const apr_size_t length = strcspn(page, "?");

    return strncmp(r->uri, page, length) == 0 && r->uri[length] == '\0';
}

const char *secsession_refusal_login_url(const secsession_here_t *here, const char *why)
{
    request_rec *r = here->r;
    const char *page = here->location->login_page;
    char *arguments;

    if (page == NULL || is_login_page(r, page)) {
        return NULL;
    }
    arguments = apr_pstrcat(r->pool, has_sent(here) ? "" : "&return=",
                            has_sent(here) ? "" : way_back(r, page), why ? "&why=" : "",
                            why ? why : "", NULL);
    if (*arguments && strchr(page, '?') == NULL) {
        *arguments = '?';
    }
    return apr_pstrcat(r->pool, page, arguments, NULL);
}

/* --- the page --------------------------------------------------------------------------------- */

static const char *link_to(const secsession_here_t *here, const char *why, const char *text,
                           const char *window)
{
    const char *url = secsession_refusal_login_url(here, why);

    return url ? apr_pstrcat(here->r->pool, "<a href=\"", ap_escape_html(here->r->pool, url),
                             "\" target=\"", window, "\">", text, "</a>", NULL)
               : text;
}

/* The page takes the place of the form: what was entered is there as long as the user neither
 * leaves it nor goes back. */
static const char *send_again(const secsession_here_t *here, const char *why)
{
    return apr_pstrcat(here->r->pool, "<p>What you have entered was not sent. ",
                       link_to(here, why, "Log in again in another tab", "_blank"),
                       ", come back to this page, and reload it to send the form again.</p>\n",
                       NULL);
}

static const char *log_in(const secsession_here_t *here, const char *why)
{
    return apr_pstrcat(here->r->pool, "<p>", link_to(here, why, "Log in", "_top"), "</p>\n", NULL);
}

/* What a user of no session is told. The application may have read a form before the session ended;
 * and a form of another site comes without the cookie, whoever is logged in. */
static const char *about_login(const secsession_here_t *here, const char *why)
{
    const secsession_context_t *context = here->context;
    const char *message = secsession_why_message(why);
    const char *next;

    if (!has_sent(here)) {
        next = log_in(here, why);
    } else if (context->is_of_application) {
        message = "Your session has ended before the answer came. What you have entered may have "
                  "arrived: look at it before you send it again.";
        next = log_in(here, why);
    } else if (context->presented == SECSESSION_COOKIE_NONE
               && secsession_origin_of(here->r) == SECSESSION_OTHER_ORIGIN) {
        message = "Another site has sent you here with a form. Your browser does not say then "
                  "whether you are logged in, so that nothing was done with it.";
        next = apr_pstrcat(here->r->pool, "<p>", link_to(here, why, "Go on", "_top"), "</p>\n",
                           NULL);
    } else {
        next = send_again(here, why);
    }
    return apr_pstrcat(here->r->pool, PAGE_HEAD("Log in") "<p role=\"alert\">",
                       message ? message : "You are not logged in.", "</p>\n", next, PAGE_TAIL,
                       NULL);
}

static const char *about_user(const secsession_here_t *here)
{
    request_rec *r = here->r;

    return apr_pstrcat(r->pool, PAGE_HEAD("No access") "<p role=\"alert\">You are logged in as ",
                       ap_escape_html(r->pool, r->user),
                       ", who has no access to this page.</p>\n<p>",
                       link_to(here, "user", "Log in as another user", "_top"), "</p>\n", PAGE_TAIL,
                       NULL);
}

static void explain(const secsession_here_t *here, int status, const char *page)
{
    request_rec *r = here->r;

    if (r->main == NULL && secsession_navigation_is_html(r)
        && ap_response_code_string(r, ap_index_of_response(status)) == NULL) {
        ap_custom_response(r, status, page);
        here->context->explained = status;
    }
}

void secsession_refusal_explain(const secsession_here_t *here, int status, const char *why)
{
    explain(here, status, status == HTTP_FORBIDDEN ? about_user(here) : about_login(here, why));
}

/* Browsers send "Origin: null" from a page with Referrer-Policy: no-referrer, and Safari before
 * 16.4 has no Sec-Fetch-Site that would say more. */
int secsession_refusal_of_stranger(const secsession_here_t *here)
{
    explain(here, HTTP_FORBIDDEN,
            PAGE("Not accepted",
                 "<p role=\"alert\">Your browser does not say that a page of this site has sent "
                 "this. Nothing was done with it.</p>\n<p>If you come from another site, open the "
                 "page of this site that you want, and do there what you want to do. If you come "
                 "from this site, your browser may be too old.</p>\n"));
    return HTTP_FORBIDDEN;
}

void secsession_refusal_set_headers(const secsession_here_t *here)
{
    if (here->r->status == here->context->explained) {
        secsession_answer_set_frame_headers(here->r, 1);
    }
}
