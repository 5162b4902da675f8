/* Status codes and header fields of the responses that this module makes itself. */
#include "http/request/answer.h"

#include <http_protocol.h>
#include <http_request.h>

#define RETRY_AFTER "5" /* seconds */

void secsession_answer_no_store(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
}

int secsession_answer_unavailable(request_rec *r)
{
    secsession_answer_no_store(r);
    apr_table_setn(r->err_headers_out, "Retry-After", RETRY_AFTER);
    return HTTP_SERVICE_UNAVAILABLE;
}

int secsession_answer_see_other(request_rec *r, const char *target)
{
    secsession_answer_no_store(r);
    apr_table_setn(r->headers_out, "Location", target);
    return HTTP_SEE_OTHER;
}

int secsession_answer_other_method(request_rec *r)
{
    ap_allow_standard_methods(r, MERGE_ALLOW, M_GET, M_POST, M_OPTIONS, -1);
    return r->method_number == M_OPTIONS ? DECLINED : HTTP_METHOD_NOT_ALLOWED;
}

void secsession_answer_set_page_headers(request_rec *r, const char *policy)
{
    ap_set_content_type(r, "text/html; charset=utf-8");
    secsession_answer_no_store(r);
    apr_table_setn(r->headers_out, "Content-Security-Policy", policy);
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "X-Frame-Options", "DENY");
    apr_table_setn(r->headers_out, "Referrer-Policy", "same-origin");
}

#define FRAMED_POLICY                                                                              \
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
#define FRAMED_BY_US "; frame-ancestors 'self'"

void secsession_answer_set_frame_headers(request_rec *r, int anywhere)
{
    secsession_answer_set_page_headers(r, anywhere ? FRAMED_POLICY : FRAMED_POLICY FRAMED_BY_US);
    if (anywhere) {
        apr_table_unset(r->headers_out, "X-Frame-Options");
    } else {
        apr_table_setn(r->headers_out, "X-Frame-Options", "SAMEORIGIN");
    }
}
