/* Marks the address to which a login leads, and looks for the mark. */
#include "http/handlers/back.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#include "http/handlers/form.h"
#include "http/parse/target.h"
#include "http/request/answer.h"
#include "http/request/current.h"

APLOG_USE_MODULE(secsession);

#define MARK "secsession-login"

/* Browsers accept Secure cookies over plain http from these names (W3C Secure Contexts, 3.1). */
static int is_of_this_machine(const char *host)
{
    apr_size_t length = strlen(host), suffix = strlen(".localhost");

    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0
           || strcmp(host, "::1") == 0
           || (length > suffix && strcasecmp(host + length - suffix, ".localhost") == 0);
}

/* If TLS ends at a proxy in front of httpd, the browser knows better: its Origin says https. A
 * client that sends none with a form is hardly a browser. */
static int is_plain(request_rec *r)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    return strcmp(ap_http_scheme(r), "http") == 0 && origin && strncasecmp(origin, "https:", 6) != 0
           && !is_of_this_machine(r->hostname ? r->hostname : ap_get_server_name(r));
}

const char *secsession_back_target(const secsession_here_t *here, const char *target)
{
    request_rec *r = here->r;
    apr_size_t length = strcspn(target, "#");

    if (!strstr(here->server->cookie.flags, "; Secure") || !is_plain(r)) {
        return target;
    }
    return apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, target, length),
                       memchr(target, '?', length) ? "&" : "?", MARK "=",
                       ap_escape_urlencoded(r->pool, r->uri), target + length, NULL);
}

/* The address that was asked for, without the mark; "/" if that is none on this host. */
static const char *without_mark(request_rec *r)
{
    const char *asked = secsession_asked_for(r), *mark = strstr(asked, MARK "=");
    const char *target = asked;

    if (mark && mark > asked && (mark[-1] == '?' || mark[-1] == '&')) {
        const char *rest = mark + strcspn(mark, "&");

        target = *rest ? apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, asked, mark - asked),
                                     rest + 1, NULL)
                       : apr_pstrmemdup(r->pool, asked, mark - asked - 1);
    }
    return secsession_target_is_local(target) && !strstr(target, MARK "=") ? target : "/";
}

static int explain(request_rec *r, const char *page, const char *target)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "SS250: a browser has logged in at %s and has not kept the session cookie: "
                  "browsers keep it over https only; serve the site over TLS, or, on a test "
                  "server, write SecSessionCookie NAME Insecure",
                  page);
    return secsession_answer_see_other(r, apr_pstrcat(r->pool, page, "?why=cookie&return=",
                                                      ap_escape_urlencoded(r->pool, target), NULL));
}

int secsession_back_check(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;
    const char *page;

    if (r->args == NULL || !strstr(r->args, MARK "=") || here.context == NULL || r->prev
        || r->method_number != M_GET || here.location->enabled != 1) {
        return DECLINED;
    }
    page = secsession_form_get(r->pool, r->args, MARK);
    if (!secsession_target_is_local(page) || strpbrk(page, "?#")) {
        return DECLINED;
    }
    switch (secsession_current_session(&here, &session)) {
    case SECSESSION_UNAVAILABLE:
        return secsession_answer_unavailable(r);
    case SECSESSION_LIVE:
        return secsession_answer_see_other(r, without_mark(r));
    default:
        return explain(r, page, without_mark(r));
    }
}
