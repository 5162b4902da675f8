/* Cleans the Connection field and the trailers of requests. */
#include "http/request/hop.h"

#include <util_filter.h>

#include "http/parse/options.h"
#include "http/request/context.h"
#include "http/request/reserved.h"

static ap_filter_rec_t *filter;

/* --- Connection ------------------------------------------------------------------------------- */

/* An option that names a field which the client has not sent would remove one that httpd adds
 * later, such as X-Forwarded-User by mod_headers. */
static int stays(const char *option, void *data)
{
    request_rec *r = data;

    if (strcasecmp(option, "close") == 0 || strcasecmp(option, "keep-alive") == 0) {
        return 1;
    }
    return !secsession_reserved_is_told(secsession_config_server(r), option)
           && apr_table_get(r->headers_in, option) != NULL;
}

static void clean_connection(request_rec *r)
{
    const char *field = apr_table_get(r->headers_in, "Connection");
    const char *kept = field ? secsession_options_keep(r->pool, field, stays, r) : NULL;

    if (field && kept == NULL) {
        apr_table_unset(r->headers_in, "Connection");
    } else if (kept != field) {
        apr_table_setn(r->headers_in, "Connection", kept);
    }
}

/* --- trailers --------------------------------------------------------------------------------- */

static int is_no_trailer(const char *field, const void *server)
{
    return secsession_reserved_is_told(server, field) || strcasecmp(field, "Connection") == 0;
}

/* With MergeTrailers On, httpd's own filter, which is the next one, has replaced the fields of the
 * request by a table in which the trailers are, too. mod_http2 sets the trailers when it has read
 * them, and httpd's filter does so once more, so that this filter stays to the end. */
static apr_status_t read_body(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                              apr_read_type_e block, apr_off_t readbytes)
{
    request_rec *r = f->r;
    apr_table_t *fields = r->headers_in;
    apr_status_t status = ap_get_brigade(f->next, brigade, mode, block, readbytes);

    if (!apr_is_empty_table(r->trailers_in)) {
        r->trailers_in = secsession_reserved_without(r->pool, r->trailers_in, is_no_trailer,
                                                     secsession_config_server(r));
        if (r->headers_in != fields) {
            r->headers_in = apr_table_overlay(r->pool, fields, r->trailers_in);
        }
    }
    return status;
}

/* HTTP/1.1 has trailers with a chunked body only, HTTP/2 with any. */
static int may_have_trailers(const request_rec *r)
{
    return r->connection->master || apr_table_get(r->headers_in, "Transfer-Encoding");
}

/* mod_proxy streams a body whose length is known only if there is no filter but those of the
 * protocol. This one is such a filter, but only the type of one before the protocol puts it in
 * front of httpd's own. Where httpd reads trailers by itself, which it does through the filters of
 * the protocol, there is no Content-Length. */
static void count_as_protocol(request_rec *r, ap_filter_t *f)
{
    if (r->input_filters == f && apr_table_get(r->headers_in, "Content-Length")) {
        r->proto_input_filters = f;
    }
}

/* --- hooks ------------------------------------------------------------------------------------ */

void secsession_hop_register(void)
{
    /* It comes right after httpd's own filter, so that nobody sees trailers before it. */
    filter = ap_register_input_filter("secsession trailers of requests", read_body, NULL,
                                      AP_FTYPE_PROTOCOL - 1);
}

int secsession_hop_arrive(request_rec *r)
{
    const secsession_server_config_t *server = secsession_config_server(r);

    if (r->prev || r->main || !(server->in_use || server->forwarded)) {
        return DECLINED;
    }
    clean_connection(r);
    if (may_have_trailers(r)) {
        count_as_protocol(r, ap_add_input_filter_handle(filter, NULL, r, r->connection));
    }
    return DECLINED;
}
