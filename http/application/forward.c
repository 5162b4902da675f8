/* Sets the header field in which a proxied application finds the user, and removes what clients
 * have put there. */
#include "http/application/forward.h"

#include "http/request/current.h"
#include "http/request/reserved.h"

int secsession_forward_strip(request_rec *r)
{
    const apr_array_header_t *names = secsession_config_server(r)->forwarded;

    for (int i = 0; names && i < names->nelts; i++) {
        secsession_reserved_strip_name(r, APR_ARRAY_IDX(names, i, const char *));
    }
    return DECLINED;
}

/* The fields are removed once more: an internal redirect has the header fields of its first
 * request, which may have been for another location. */
int secsession_forward_fixup(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const char *name = here.location->forward;
    const secsession_session_t *session;

    secsession_forward_strip(r);
    if (name && *name && secsession_current_session(&here, &session) == SECSESSION_LIVE) {
        apr_table_setn(r->headers_in, name, session->user);
    }
    return DECLINED;
}
