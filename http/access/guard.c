/* Refuses requests that another origin made the browser send. */
#include "http/access/guard.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "http/access/refusal.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/origin.h"

APLOG_USE_MODULE(secsession);

static int may_do_harm(request_rec *r)
{
    const char *upgrade = apr_table_get(r->headers_in, "Upgrade");

    switch (r->method_number) {
    case M_GET: /* and HEAD */
        return upgrade && ap_find_token(r->pool, upgrade, "websocket");
    case M_OPTIONS:
    case M_TRACE:
        return 0;
    default:
        return 1;
    }
}

/* What the log advises to do for whoever meant the request. */
static const char *advice(request_rec *r)
{
    const char *origin = secsession_origin_named(r);

    return origin ? apr_pstrcat(r->pool, "write SecSessionGuard On ", origin, NULL)
                  : "let the page that sent it name its origin, which Referrer-Policy: no-referrer "
                    "and sandboxed frames prevent, or write SecSessionGuard Off there";
}

static int is_refused(const secsession_here_t *here)
{
    return here->location->guard != 0 && may_do_harm(here->r)
           && secsession_origin_is_stranger(here);
}

/* Without a session nothing can be done in a user's name, so that the request is served; but whom
 * the answer logs in would take the place of a user whose cookie the browser has not sent. With one
 * it is refused, and no use of the session, which it must not keep alive: so this is asked before
 * the session is looked up. What counts is the address that the client has asked for, since httpd
 * makes a GET of a form when an application redirects it internally. */
int secsession_guard_check(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (here.context == NULL || !is_refused(&here)) {
        return DECLINED;
    }
    here.context->is_foreign |= r->prev == NULL;
    if (secsession_current(&here) == NULL) {
        return DECLINED;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, r,
        "SS218: a %s request from another origin with a session was refused at %s; to allow it, %s",
        r->method, r->uri, advice(r));
    return secsession_refusal_of_stranger(&here);
}

int secsession_guard_check_user(const secsession_here_t *here)
{
    request_rec *r = here->r;

    if (!is_refused(here)) {
        return DECLINED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "SS261: a %s request from another origin, in which the browser has authenticated "
                  "user %s by itself, was refused at %s; to allow it, %s",
                  r->method, r->user, r->uri, advice(r));
    return secsession_refusal_of_stranger(here);
}

int secsession_guard_check_login(const secsession_here_t *here, const char *user)
{
    request_rec *r = here->r;

    if (!here->context->is_foreign) {
        return OK;
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "SS288: user %s is not logged in, and the response of %s is not sent, since "
                  "another origin sent the request; to allow it, %s",
                  user, r->uri, advice(r));
    secsession_answer_no_store(r);
    return HTTP_FORBIDDEN;
}
