/* Ends the session of a request, in the database and in the browser. */
#include "http/request/end.h"

#include <http_log.h>

#include "http/request/answer.h"

APLOG_USE_MODULE(secsession);

#define CLEAR_SITE_DATA                                                                            \
    "\"cache\", \"storage\"" /* "cookies" would clear those of the whole domain */

int secsession_end_session(const secsession_here_t *here)
{
    secsession_context_t *context = here->context;

    if (context->session || context->outcome == SECSESSION_RETIRED) {
        context->outcome = secsession_store_logout(here->server->store, here->r->pool,
                                                   &context->token, here->server->realm,
                                                   context->session);
        context->session = NULL;
    }
    if (context->outcome == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(here->r);
    }
    context->new_token = NULL;
    context->forget = context->presented != SECSESSION_COOKIE_NONE;
    return OK;
}

void secsession_end_clear(const secsession_here_t *here)
{
    const char *clear = here->location->clear_site_data;

    secsession_answer_no_store(here->r);
    if (clear == NULL || *clear) {
        apr_table_setn(here->r->err_headers_out, "Clear-Site-Data",
                       clear ? clear : CLEAR_SITE_DATA);
    }
}

int secsession_end_by_user(const secsession_here_t *here)
{
    const secsession_session_t *session = here->context->session;
    request_rec *r = here->r;
    int status = secsession_end_session(here);

    if (status != OK) {
        return status;
    }
    if (session) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS206: user %s logged out of realm %s: session %s ended",
                      session->user ? session->user : "(nobody)", here->server->realm, session->id);
    }
    secsession_end_clear(here);
    return OK;
}
