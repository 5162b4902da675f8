/* Watches the connection of a request that a backend may turn into a tunnel.
 *
 * Both filters of a connection are added with the first request on it that asks for another
 * protocol and comes to mod_proxy's handler. What they watch, tunnel->r, is one request, which is
 * forgotten when its EOR bucket passes, or when its pool goes. Nothing is in that pool that is used
 * afterwards. The two structures of httpd, and this one of ours, stay: httpd takes the memory of
 * such a filter from the connection and never takes it back, so that filters which came and went
 * with each request would make a connection grow by each. While tunnel->r is NULL they hold
 * nothing, no bucket, no pool and no session, and pass everything on. Who writes what to where
 * (whether the filters of the very request that brings `out` pass it, too, depends on which other
 * filters the connection has):
 *
 *     handler, error page -> content filters -> SECSESSION -> protocol filters -.
 *                                                                               v
 *     HTTP_IN's 100, interim responses, tunnels, EOR ----------------> c->output_filters: `out`,
 *                                                                      mod_ssl or HTTP/2, network
 *
 *     request r                        written to c->output_filters       what `out` does
 *     -------------------------------  ---------------------------------  ----------------------
 *     before r, pipelined              data, EOS, EOR of earlier ones     nothing: they have passed
 *     r reads its body                 100 Continue of HTTP_IN            passes: r->status is 200
 *     r gets another interim response  its head, FLUSH                    passes: see interim.c
 *     r gets an ordinary response,     head, body, EOS; is_ordinary has   passes
 *       by HTTP, FastCGI, an error       been said before them
 *     r gets 101 from mod_proxy_http   its head, in one brigade or more,  takes it, cleans it,
 *                                        FLUSH; r->status is 101            passes FLUSH; OPEN
 *     mod_proxy_wstunnel has r         whatever the backend sends,        takes heads up to a final
 *       (no protocol filters left)       FLUSH after each read              one: OPEN or ANSWERED
 *     OPEN                             data, FLUSH                        passes while the session
 *                                                                           is good, as 101 did
 *     ANSWERED: a head that is no 101  data, FLUSH                        the same
 *     CLOSED: no head, or the client   the rest, an error page that has   removes data
 *       spoke before there was one       no head
 *     r ends                           EOR of r                           forgets r, then passes
 *     after r, pipelined               everything of later requests       nothing: r is forgotten
 *     h2c: httpd itself sends 101      in a handler before ours           nothing: r is not watched
 *
 * Of these, only data that is part of a head is taken out of a brigade, by copying it, and data
 * that may not pass; every other bucket passes in the call that brought it, in its order. `in`
 * passes everything except when protocol filters no longer read for r. Then what the client sends
 * goes to the backend in OPEN only: before the answer, or behind one that is not 101, the backend
 * would read it as a request that nobody has looked at.
 */
#include "http/application/tunnel.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "http/application/heads.h"
#include "http/application/interim.h"
#include "http/application/vaulted.h"
#include "http/application/watch.h"
#include "http/request/reserved.h"
#include "http/request/underway.h"

APLOG_USE_MODULE(secsession);

/* httpd itself reads no more than ten interim responses in front of one response either. */
#define MOST_INTERIM 10

static ap_filter_rec_t *out, *in;

typedef enum {
    HEAD,     /* no final head has been written to the connection itself */
    OPEN,     /* 101 has been sent */
    ANSWERED, /* the final answer of a backend to which the connection was given is not 101 */
    CLOSED    /* nothing more passes past the filters of r, and the connection ends with r */
} phase_t;

/* What the filters of one connection know. It lives as long as the connection. */
typedef struct {
    request_rec *r;  /* NULL: no request is watched; then nothing below is valid */
    int is_ordinary; /* r's response passes the filters of r */
    phase_t phase;
    int interim;             /* how many interim responses have been read */
    secsession_head_t *head; /* the head that is being read, in r's pool; NULL: none is */
    secsession_watch_t watch;
} tunnel_t;

/* --- which request ---------------------------------------------------------------------------- */

static apr_status_t end_request(void *data)
{
    ((tunnel_t *)data)->r = NULL;
    return APR_SUCCESS;
}

static void forget(tunnel_t *tunnel)
{
    apr_pool_cleanup_kill(tunnel->r->pool, tunnel, end_request);
    tunnel->r = NULL;
}

/* Whether a handler has given the connection to the backend, so that no protocol filter of the
 * request is left. */
static int is_given_away(const ap_filter_t *protocol)
{
    return protocol == NULL || protocol->frec->ftype >= AP_FTYPE_CONNECTION;
}

/* Whether what is written to the connection has passed no filter of the request. */
static int is_raw(const tunnel_t *tunnel)
{
    return is_given_away(tunnel->r->proto_output_filters)
           || (!tunnel->is_ordinary && tunnel->r->status == HTTP_SWITCHING_PROTOCOLS);
}

static int has_end_of_request(const apr_bucket_brigade *brigade)
{
    for (const apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade); bucket = APR_BUCKET_NEXT(bucket)) {
        if (AP_BUCKET_IS_EOR(bucket)) {
            return 1;
        }
    }
    return 0;
}

/* --- heads ------------------------------------------------------------------------------------ */

static int may_pass(const secsession_here_t *here, const char *line)
{
    const char *cookie = secsession_head_value(line, "Set-Cookie");

    return cookie ? !secsession_vaulted_takes(here, cookie)
                        && !secsession_reserved_is_set_by(here, cookie)
                  : !secsession_reserved_is_field(line);
}

/* Of a final answer that is not 101, only this one response is passed on, and `Connection` says
 * so. */
static int may_pass_at_last(const secsession_here_t *here, const char *line)
{
    return may_pass(here, line) && !secsession_head_value(line, "Connection")
           && !secsession_head_value(line, "Keep-Alive");
}

/* Puts the head that has been read before `next`, and decides what may follow it. */
static void write_head(tunnel_t *tunnel, apr_bucket *next)
{
    const secsession_here_t here = secsession_here(tunnel->r);
    const int status = secsession_head_status(tunnel->head);

    if (ap_is_HTTP_INFO(status)) {
        secsession_heads_write(&here, tunnel->head, may_pass, "", next);
    } else {
        secsession_heads_write(&here, tunnel->head, may_pass_at_last, "Connection: close\r\n",
                               next);
        tunnel->phase = ANSWERED;
    }
    if (status == HTTP_SWITCHING_PROTOCOLS) {
        tunnel->phase = OPEN;
        secsession_underway_cut_at_end(&here);
    }
    tunnel->head = NULL;
    tunnel->interim++;
}

/* Takes from a bucket what belongs to a head. Sets *next to the bucket from which to go on. Returns
 * 0 if it is no head. */
static int read_bucket(tunnel_t *tunnel, apr_bucket *bucket, apr_bucket **next)
{
    secsession_head_outcome_t outcome;

    if (tunnel->head == NULL) {
        tunnel->head = secsession_head_make(tunnel->r->pool);
    }
    outcome = secsession_heads_take(tunnel->head, bucket, next);
    if (outcome == SECSESSION_HEAD_WHOLE) {
        write_head(tunnel, *next);
    }
    return outcome != SECSESSION_HEAD_WRONG
           && (tunnel->phase != HEAD || tunnel->interim <= MOST_INTERIM);
}

/* Reads heads up to a final one. Returns 0 if there is anything else. */
static int read_heads(tunnel_t *tunnel, apr_bucket_brigade *brigade)
{
    apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);

    while (tunnel->phase == HEAD && bucket != APR_BRIGADE_SENTINEL(brigade)) {
        if (APR_BUCKET_IS_METADATA(bucket)) {
            bucket = APR_BUCKET_NEXT(bucket);
        } else if (!read_bucket(tunnel, bucket, &bucket)) {
            return 0;
        }
    }
    return 1;
}

/* --- filters ---------------------------------------------------------------------------------- */

/* Whether the session has not ended, and would have let the tunnel be opened now; else the
 * connection is cut at once. */
static int is_good(tunnel_t *tunnel, int is_use)
{
    const secsession_here_t here = secsession_here(tunnel->r);

    if (secsession_underway_outcome(&here) == SECSESSION_LIVE) {
        if (secsession_watch_is_good(&tunnel->watch, is_use)) {
            return 1;
        }
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, tunnel->r,
                      "SS225: a WebSocket at %s is closed because its session has ended or cannot "
                      "be looked up",
                      tunnel->r->uri);
    }
    tunnel->r->connection->aborted = 1;
    return 0;
}

/* Whether what a backend writes to the connection itself may pass. */
static int may_receive(tunnel_t *tunnel, apr_bucket_brigade *brigade)
{
    if (tunnel->phase == CLOSED || !is_good(tunnel, 0)) {
        return 0;
    }
    if (tunnel->phase == HEAD) {
        if (read_heads(tunnel, brigade) && (tunnel->head == NULL || !has_end_of_request(brigade))) {
            return 1;
        }
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, tunnel->r,
                      "SS241: the connection of a request to %s is closed because the answer of "
                      "the application has no whole head of HTTP/1, one that browsers and httpd "
                      "could read differently, or one of more than %d bytes",
                      tunnel->r->uri, SECSESSION_HEAD_BYTES);
        tunnel->phase = CLOSED;
        return 0;
    }
    return 1;
}

static void remove_data(apr_bucket_brigade *brigade)
{
    apr_bucket *next;

    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = next) {
        next = APR_BUCKET_NEXT(bucket);
        if (!APR_BUCKET_IS_METADATA(bucket)) {
            apr_bucket_delete(bucket);
        }
    }
}

/* The answers to earlier requests of a pipeline may still wait behind this filter. They are sent,
 * even if nothing of this request's is. */
static apr_status_t write_tunnel(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    tunnel_t *tunnel = f->ctx;
    apr_status_t refused = APR_SUCCESS, passed;

    if (tunnel->r && is_raw(tunnel) && !may_receive(tunnel, brigade)) {
        remove_data(brigade);
        refused = APR_ECONNABORTED;
    }
    if (tunnel->r && has_end_of_request(brigade)) {
        forget(tunnel);
    }
    passed = APR_BRIGADE_EMPTY(brigade) ? APR_SUCCESS : ap_pass_brigade(f->next, brigade);
    return refused ? refused : passed;
}

/* Whether what the client has sent may go to a backend that has the connection. What comes behind a
 * final answer is thrown away, so that this answer is whole. */
static int may_send(tunnel_t *tunnel, apr_bucket_brigade *brigade)
{
    if (APR_BRIGADE_EMPTY(brigade)) {
        return tunnel->phase != CLOSED;
    }
    switch (tunnel->phase) {
    case OPEN:
        return is_good(tunnel, 1);
    case ANSWERED:
        apr_brigade_cleanup(brigade);
        return 1;
    case HEAD:
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, tunnel->r,
                      "SS242: the connection of a request to %s is closed because the client sent "
                      "something before the application had agreed to read it",
                      tunnel->r->uri);
        tunnel->phase = CLOSED;
        return 0;
    default:
        return 0;
    }
}

static apr_status_t read_tunnel(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                apr_read_type_e block, apr_off_t readbytes)
{
    tunnel_t *tunnel = f->ctx;
    apr_status_t status = ap_get_brigade(f->next, brigade, mode, block, readbytes);

    if (tunnel->r && is_given_away(tunnel->r->proto_input_filters) && !may_send(tunnel, brigade)) {
        apr_brigade_cleanup(brigade);
        return APR_ECONNABORTED;
    }
    return status;
}

/* --- hooks ------------------------------------------------------------------------------------ */

void secsession_tunnel_register(void)
{
    out = ap_register_output_filter("secsession tunnel", write_tunnel, NULL, AP_FTYPE_CONNECTION);
    in = ap_register_input_filter("secsession tunnel", read_tunnel, NULL, AP_FTYPE_CONNECTION);
}

/* What the filters of this connection know; NULL if it has none. */
static tunnel_t *find(const conn_rec *c)
{
    for (const ap_filter_t *f = c->output_filters; f; f = f->next) {
        if (f->frec == out) {
            return f->ctx;
        }
    }
    return NULL;
}

static tunnel_t *add(conn_rec *c)
{
    tunnel_t *tunnel = apr_pcalloc(c->pool, sizeof(*tunnel));

    ap_add_output_filter_handle(out, tunnel, NULL, c);
    ap_add_input_filter_handle(in, tunnel, NULL, c);
    return tunnel;
}

static void watch(const secsession_here_t *here)
{
    request_rec *r = here->r;
    tunnel_t *tunnel = find(r->connection);

    tunnel = tunnel ? tunnel : add(r->connection);
    if (tunnel->r) {
        forget(tunnel);
    }
    tunnel->r = r;
    tunnel->is_ordinary = 0;
    tunnel->phase = HEAD;
    tunnel->interim = 0;
    tunnel->head = NULL;
    secsession_watch_begin(&tunnel->watch, here);
    apr_pool_cleanup_register(r->pool, tunnel, end_request, apr_pool_cleanup_null);
}

int secsession_tunnel_prepare(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (here.context && r->main == NULL && secsession_interim_is_proxied(r)
        && r->method_number != M_CONNECT && apr_table_get(r->headers_in, "Upgrade")) {
        watch(&here);
    }
    return DECLINED;
}

void secsession_tunnel_note_ordinary(const request_rec *r)
{
    tunnel_t *tunnel = find(r->connection);

    if (tunnel) {
        tunnel->is_ordinary = 1;
    }
}
