/* A filter for the trailers of proxied responses. */
#include "http/application/trailers.h"

#include <util_filter.h>

#include "http/request/reserved.h"

static ap_filter_rec_t *filter;

/* mod_proxy has the trailers when it passes the end of the response. */
static apr_status_t look_over(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    if (!APR_BRIGADE_EMPTY(brigade) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade))) {
        const secsession_here_t here = secsession_here(f->r);

        secsession_reserved_strip_trailers(&here);
        ap_remove_output_filter(f);
    }
    return ap_pass_brigade(f->next, brigade);
}

void secsession_trailers_register(void)
{
    filter = ap_register_output_filter("secsession trailers", look_over, NULL,
                                       AP_FTYPE_CONTENT_SET);
}

void secsession_trailers_insert(request_rec *r)
{
    if (r->main == NULL && r->proxyreq && secsession_here(r).context) {
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
    }
}
