/* Logs users out, by a form or by a link on one of our own pages. */
#include "http/handlers/logout.h"

#include <apr_strings.h>
#include <http_log.h>

#include "http/access/refusal.h"
#include "http/handlers/page.h"
#include "http/modsession/modsession.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/end.h"
#include "http/request/navigation.h"
#include "http/request/origin.h"

APLOG_USE_MODULE(secsession);

int secsession_logout_end(const secsession_here_t *here)
{
    int status = secsession_end_by_user(here);

    return status == OK
               ? secsession_answer_see_other(here->r, secsession_config_logout_home(here->location))
               : status;
}

/* Whether the client has asked for this very address: a page that includes it, DirectoryIndex or a
 * RewriteRule may be somebody else's wish. */
static int is_asked_for(request_rec *r)
{
    const char *target = secsession_asked_for(r);
    char *path = apr_pstrmemdup(r->pool, target, strcspn(target, "?"));

    return ap_unescape_url(path) == OK && strcmp(path, r->uri) == 0;
}

/* Whether the user has followed a link on one of our own pages. Images, scripts and frames of our
 * own pages, and what a browser fetches in case its user wants it, must not log anybody out. If the
 * browser does not say all that, the user is asked. */
static int is_by_link(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");

    return site && strcmp(site, "same-origin") == 0 && !r->header_only
           && secsession_navigation_is_visit(r) && is_asked_for(r);
}

int secsession_logout_answer(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;

    if (here.location->enabled != 1) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS211: the handler secsession-logout requires SecSession On at %s", r->uri);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (secsession_current_session(&here, &session) == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(r);
    }
    switch (r->method_number) {
    case M_GET:
        return is_by_link(r) ? secsession_logout_end(&here) : secsession_page_send_logout(r);
    case M_POST:
        return secsession_origin_is_stranger(&here) ? secsession_refusal_of_stranger(&here)
                                                    : secsession_logout_end(&here);
    default:
        return secsession_answer_other_method(r);
    }
}

/* mod_auth_form itself logs out whoever comes, wherever from. */
int secsession_logout_guard_form(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (strcmp(r->handler, "form-logout-handler") != 0 || !secsession_modsession_is_there()
        || secsession_current(&here) == NULL || is_by_link(r)) {
        return DECLINED;
    }
    if (r->method_number == M_GET) {
        return secsession_page_send_logout(r);
    }
    return secsession_origin_is_stranger(&here) ? secsession_refusal_of_stranger(&here) : DECLINED;
}
