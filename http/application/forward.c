/* Sets the header field in which a proxied application finds the user, and removes what clients
 * have put there. */
#include "http/application/forward.h"

#include <http_log.h>

#include "http/parse/text.h"
#include "http/request/current.h"
#include "http/request/reserved.h"

APLOG_USE_MODULE(secsession);

int secsession_forward_strip(request_rec *r)
{
    const apr_array_header_t *names = secsession_config_server(r)->forwarded;

    for (int i = 0; names && i < names->nelts; i++) {
        secsession_reserved_strip_name(r, APR_ARRAY_IDX(names, i, const char *));
    }
    return DECLINED;
}

/* A name that a backend would read as another one must not be told. */
static int tell(request_rec *r, const char *name, const char *user)
{
    if (!secsession_text_is_field_value(user)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS267: the user of the session cannot be told in %s, because the name begins "
            "or ends with a blank, which applications take away: rename the user",
            name);
        return HTTP_FORBIDDEN;
    }
    apr_table_setn(r->headers_in, name, user);
    return DECLINED;
}

/* The fields are removed once more: an internal redirect has the header fields of its first
 * request, which may have been for another location. The answer to TRACE repeats all fields, so
 * that nothing is told then (RFC 9110, 9.3.8). */
int secsession_forward_fixup(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const char *name = here.location->forward;
    const secsession_session_t *session;

    secsession_forward_strip(r);
    if (name && *name && r->method_number != M_TRACE
        && secsession_current_session(&here, &session) == SECSESSION_LIVE) {
        return tell(r, name, session->user);
    }
    return DECLINED;
}
