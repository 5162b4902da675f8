/* The filters that stop what belongs to a session that has ended meanwhile.
 *
 * A response that is whole when it begins, and short, is sent without further questions; so is any
 * that begins soon after the session was looked up. Every other is watched from its first byte to
 * its last: what passes is stopped here; and what does not pass here any more, because it waits in
 * the connection until a slow client takes it, or does not come, because an application that sends
 * events has none to send, is cut by the thread that notices the end.
 *
 * A stream of HTTP/2 has no connection of its own that could be cut. So no more is passed on at
 * once than is given away anyhow.
 */
#include "http/application/flight.h"

#include <http_protocol.h>
#include <string.h>
#include <util_filter.h>

#include "http/request/current.h"
#include "http/request/underway.h"

#define SHORT 65536 /* bytes, which httpd would also give to the connection at once */

static ap_filter_rec_t *out, *in;

/* --- responses -------------------------------------------------------------------------------- */

/* Whether the rest of the response is there, and all of it is passed on at once. */
static int is_short(const apr_bucket_brigade *brigade)
{
    apr_off_t length = 0;

    if (APR_BRIGADE_EMPTY(brigade) || !APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade))) {
        return 0;
    }
    for (const apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade); bucket = APR_BUCKET_NEXT(bucket)) {
        if (bucket->length > SHORT) { /* or it is unknown */
            return 0;
        }
        length += (apr_off_t)bucket->length;
    }
    return length <= SHORT;
}

/* Moves what is behind the first bytes to `rest`. */
static apr_status_t divide(apr_bucket_brigade *brigade, apr_bucket_brigade *rest)
{
    apr_bucket *behind;
    apr_status_t status = apr_brigade_partition(brigade, SHORT, &behind);

    if (status == APR_INCOMPLETE) {
        return APR_SUCCESS;
    }
    if (status == APR_SUCCESS) {
        apr_brigade_split_ex(brigade, behind, rest);
    }
    return status;
}

/* What has not been passed on is thrown away. A stream of HTTP/2 is reset when httpd meets an error
 * in it; without one the client would wait. */
static apr_status_t break_off(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    conn_rec *c = f->c;

    apr_brigade_cleanup(brigade);
    if (c->master && !c->aborted) {
        APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, f->r->pool,
                                                                c->bucket_alloc));
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(c->bucket_alloc));
        ap_pass_brigade(f->next, brigade);
    }
    return secsession_underway_break_off(c);
}

static apr_status_t pass_piece(ap_filter_t *f, const secsession_here_t *here,
                               apr_bucket_brigade *brigade)
{
    return secsession_underway_outcome(here) == SECSESSION_LIVE ? ap_pass_brigade(f->next, brigade)
                                                                : break_off(f, brigade);
}

static apr_status_t pass_on(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    const secsession_here_t here = secsession_here(f->r);
    apr_bucket_brigade *rest;
    apr_status_t status;

    if (f->c->master == NULL) {
        return pass_piece(f, &here, brigade);
    }
    rest = f->ctx ? f->ctx : apr_brigade_create(f->r->pool, f->c->bucket_alloc);
    f->ctx = rest;
    do {
        status = divide(brigade, rest);
        if (status == APR_SUCCESS) {
            status = pass_piece(f, &here, brigade);
        }
        apr_brigade_cleanup(brigade);
        APR_BRIGADE_CONCAT(brigade, rest);
    } while (status == APR_SUCCESS && !APR_BRIGADE_EMPTY(brigade));
    apr_brigade_cleanup(brigade);
    return status;
}

static int is_our_page(const request_rec *r)
{
    for (; r; r = r->prev) {
        if (r->handler && strncmp(r->handler, "secsession-", 11) == 0) {
            return 1;
        }
    }
    return 0;
}

secsession_outcome_t secsession_flight_begin(const secsession_here_t *here,
                                             const apr_bucket_brigade *brigade)
{
    secsession_outcome_t outcome;

    if (is_our_page(here->r)) {
        return SECSESSION_LIVE;
    }
    if (is_short(brigade)) {
        return secsession_underway_outcome(here);
    }
    outcome = secsession_underway_cut_at_end(here);
    if (outcome == SECSESSION_LIVE && here->context->vigil) {
        ap_add_output_filter_handle(out, NULL, here->r, here->r->connection);
    }
    return outcome;
}

/* --- uploads ---------------------------------------------------------------------------------- */

/* The response is refused then, too, if it has not begun yet; what is left of the body is not read
 * any more, so that the connection cannot be used again. */
static apr_status_t read_on(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                            apr_read_type_e block, apr_off_t readbytes)
{
    const secsession_here_t here = secsession_here(f->r);
    apr_status_t status = ap_get_brigade(f->next, brigade, mode, block, readbytes);

    if (status != APR_SUCCESS || secsession_underway_outcome(&here) == SECSESSION_LIVE) {
        return status;
    }
    apr_brigade_cleanup(brigade);
    f->c->keepalive = AP_CONN_CLOSE;
    return APR_ECONNABORTED;
}

void secsession_flight_insert(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (r->main == NULL && ap_request_has_body(r) && secsession_current(&here) && !is_our_page(r)) {
        ap_add_input_filter_handle(in, NULL, r, r->connection);
    }
}

void secsession_flight_register(void)
{
    /* This runs when all that httpd does to a response has been done, and gets what it had to wait
     * for piece by piece. */
    out = ap_register_output_filter("secsession flight", pass_on, NULL,
                                    (ap_filter_type)(AP_FTYPE_TRANSCODE + 5));
    /* With a filter of the content, mod_proxy would read a whole body before it sends any of it. */
    in = ap_register_input_filter("secsession flight", read_on, NULL, AP_FTYPE_PROTOCOL);
}
