/* Logs users out, by a form or by a link on one of our own pages. */
#include "http/handlers/logout.h"

#include <http_log.h>

#include "http/access/guard.h"
#include "http/handlers/page.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/end.h"

APLOG_USE_MODULE(secsession);

int secsession_logout_end(const secsession_here_t *here)
{
    const char *home = here->location->logout_home ? here->location->logout_home : "/";
    int status = secsession_end_by_user(here);

    return status == OK ? secsession_answer_see_other(here->r, home) : status;
}

/* A link on one of our own pages may log the user out, but an image on another site must not. If
 * the browser does not say where the request came from, the user is asked. */
static int log_out_by_link(const secsession_here_t *here)
{
    const char *site = apr_table_get(here->r->headers_in, "Sec-Fetch-Site");

    return site && strcmp(site, "same-origin") == 0 ? secsession_logout_end(here)
                                                    : secsession_page_send_logout(here->r);
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
        return r->header_only ? secsession_page_send_logout(r) : log_out_by_link(&here);
    case M_POST:
        return secsession_guard_origin(r) == SECSESSION_OTHER_ORIGIN ? HTTP_FORBIDDEN
                                                                     : secsession_logout_end(&here);
    default:
        return secsession_answer_other_method(r);
    }
}
