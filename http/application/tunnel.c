/* Filters for the trailers and WebSockets of proxied applications. */
#include "http/application/tunnel.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "http/application/cookies.h"
#include "http/application/interim.h"
#include "http/request/address.h"
#include "http/request/current.h"
#include "http/request/reserved.h"
#include "http/users/stamped.h"

APLOG_USE_MODULE(secsession);

#define HEAD_BYTES 65536
#define CHECK_EVERY apr_time_from_msec(250)

static ap_filter_rec_t *out, *in, *trailers;

/* One connection that may become a tunnel. */
typedef struct {
    request_rec *r;           /* NULL: the request is over, and the filters pass everything on */
    int is_open;              /* 101 has been sent */
    apr_bucket_brigade *head; /* the header of a response, until it is complete */
    secsession_outcome_t outcome; /* of the look-up at the beginning; UNKNOWN: no session */
    apr_int64_t authenticated_at; /* of the session at the beginning; 0: no session */
    secsession_hash_t token;
    apr_pool_t *scratch;
    apr_time_t checked;
} tunnel_t;

/* --- the session of a tunnel ------------------------------------------------------------------ */

/* A tunnel that was opened before a login must not be used after it (I5). */
static int is_same_login(const tunnel_t *tunnel, const secsession_session_t *session)
{
    return session->authenticated_at == tunnel->authenticated_at
           && secsession_stamped_check(tunnel->r, session) == SECSESSION_LIVE;
}

/* Whether the session still exists; this is checked every CHECK_EVERY at most. What the client
 * sends counts as use of the session, what it receives does not. */
static int is_good(tunnel_t *tunnel, int is_use)
{
    const secsession_server_config_t *server = secsession_config_server(tunnel->r);
    const secsession_location_config_t *location = secsession_config_location(tunnel->r);
    const secsession_visit_t visit = { secsession_config_caps(location),
                                       !is_use || location->touch == 0 };
    const secsession_session_t *session;
    apr_time_t now = apr_time_now();

    if (tunnel->outcome == SECSESSION_UNKNOWN
        || (now >= tunnel->checked && now - tunnel->checked < CHECK_EVERY)) {
        return 1;
    }
    tunnel->checked = now;
    apr_pool_clear(tunnel->scratch);
    if (secsession_store_follow(server->store, tunnel->scratch, &tunnel->token, server->realm,
                                &visit, secsession_address_of(tunnel->r), &session)
            == tunnel->outcome
        && (tunnel->outcome != SECSESSION_LIVE || is_same_login(tunnel, session))) {
        return 1;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, tunnel->r,
                  "SS225: a WebSocket at %s is closed because its session has ended or cannot be "
                  "looked up",
                  tunnel->r->uri);
    return 0;
}

static apr_status_t read_tunnel(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                apr_read_type_e block, apr_off_t readbytes)
{
    tunnel_t *tunnel = f->ctx;

    if (tunnel->r && tunnel->is_open && !is_good(tunnel, 1)) {
        f->c->aborted = 1;
        return APR_ECONNABORTED;
    }
    return ap_get_brigade(f->next, brigade, mode, block, readbytes);
}

/* --- the header of a response ----------------------------------------------------------------- */

/* Whether a line of an interim response may be passed on to the client. */
static int is_allowed(const secsession_here_t *here, const char *line)
{
    const char *colon = strchr(line, ':');

    if (colon == NULL) {
        return 1;
    }
    return !secsession_reserved_is_field(line)
           && !(strncasecmp(line, "Set-Cookie:", 11) == 0
                && (secsession_cookies_is_kept(here, colon + 1)
                    || secsession_reserved_is_set_by(here, colon + 1)));
}

static void write_allowed(tunnel_t *tunnel, ap_filter_t *next, apr_bucket_brigade *brigade,
                          char *head)
{
    const secsession_here_t here = secsession_here(tunnel->r);

    while (*head) {
        char *end = strstr(head, "\r\n");
        const char *line = apr_pstrmemdup(tunnel->r->pool, head, (apr_size_t)(end - head));

        if (is_allowed(&here, line)) {
            ap_fputs(next, brigade, line);
            ap_fputs(next, brigade, "\r\n");
        }
        head = end + 2;
    }
}

/* Returns the status of the response whose header is at the front of what has been collected, or 0
 * if the header is not complete yet. The header of an interim response is moved to `rest`, without
 * the lines that must not be passed on. */
static int take_head(tunnel_t *tunnel, ap_filter_t *next, apr_bucket_brigade *rest)
{
    apr_off_t length;
    apr_size_t bytes;
    char *text, *end;
    int status;

    apr_brigade_length(tunnel->head, 1, &length);
    bytes = (apr_size_t)length;
    text = apr_palloc(tunnel->r->pool, bytes + 1);
    apr_brigade_flatten(tunnel->head, text, &bytes);
    text[bytes] = '\0';
    end = strstr(text, "\r\n\r\n");
    if (end == NULL) {
        return bytes > HEAD_BYTES ? HTTP_INTERNAL_SERVER_ERROR : 0;
    }
    status = strncmp(text, "HTTP/1.", 7) == 0 && strlen(text) > 9 ? (int)apr_atoi64(text + 9)
                                                                  : HTTP_OK;
    if (ap_is_HTTP_INFO(status)) {
        apr_bucket *split;

        apr_brigade_partition(tunnel->head, end + 4 - text, &split);
        while (APR_BRIGADE_FIRST(tunnel->head) != split) {
            apr_bucket_delete(APR_BRIGADE_FIRST(tunnel->head));
        }
        end[2] = '\0';
        write_allowed(tunnel, next, rest, text);
        ap_fputs(next, rest, "\r\n");
    }
    return status;
}

static apr_status_t write_tunnel(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    tunnel_t *tunnel = f->ctx;
    apr_bucket_brigade *ready;
    int status;

    if (tunnel->r == NULL) {
        return ap_pass_brigade(f->next, brigade);
    }
    if (tunnel->is_open) {
        if (!is_good(tunnel, 0)) {
            f->c->aborted = 1;
            return APR_ECONNABORTED;
        }
        return ap_pass_brigade(f->next, brigade);
    }
    ready = apr_brigade_create(tunnel->r->pool, f->c->bucket_alloc);
    APR_BRIGADE_CONCAT(tunnel->head, brigade);
    do {
        status = take_head(tunnel, f->next, ready);
    } while (ap_is_HTTP_INFO(status) && status != HTTP_SWITCHING_PROTOCOLS);
    tunnel->is_open = status == HTTP_SWITCHING_PROTOCOLS;
    if (status != 0) {
        APR_BRIGADE_CONCAT(ready, tunnel->head);
    }
    if (status != 0 && !tunnel->is_open) {
        ap_remove_output_filter(f); /* the other filters have checked an ordinary response */
    }
    return APR_BRIGADE_EMPTY(ready) ? APR_SUCCESS : ap_pass_brigade(f->next, ready);
}

/* --- trailers --------------------------------------------------------------------------------- */

static apr_status_t look_over_trailers(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    if (!APR_BRIGADE_EMPTY(brigade) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade))) {
        const secsession_here_t here = secsession_here(f->r);

        secsession_reserved_strip_trailers(&here);
        ap_remove_output_filter(f);
    }
    return ap_pass_brigade(f->next, brigade);
}

/* --- hooks ------------------------------------------------------------------------------------ */

void secsession_tunnel_register(void)
{
    out = ap_register_output_filter("secsession tunnel", write_tunnel, NULL, AP_FTYPE_CONNECTION);
    in = ap_register_input_filter("secsession tunnel", read_tunnel, NULL, AP_FTYPE_CONNECTION);
    trailers = ap_register_output_filter("secsession trailers", look_over_trailers, NULL,
                                         AP_FTYPE_CONTENT_SET);
}

static apr_status_t end_tunnel(void *data)
{
    ((tunnel_t *)data)->r = NULL;
    return APR_SUCCESS;
}

/* Adds the filters to the connection. What they need is allocated from the pool of the connection,
 * which may live longer than the request. */
static void watch(const secsession_here_t *here)
{
    request_rec *r = here->r;
    tunnel_t *tunnel = apr_pcalloc(r->connection->pool, sizeof(*tunnel));
    const secsession_session_t *session;

    tunnel->r = r;
    tunnel->head = apr_brigade_create(r->connection->pool, r->connection->bucket_alloc);
    tunnel->outcome = secsession_current_session(here, &session);
    tunnel->authenticated_at = session ? session->authenticated_at : 0;
    if (session == NULL) {
        tunnel->outcome = SECSESSION_UNKNOWN;
    }
    tunnel->token = here->context->token;
    apr_pool_create(&tunnel->scratch, r->connection->pool);
    apr_pool_cleanup_register(r->pool, tunnel, end_tunnel, apr_pool_cleanup_null);
    ap_add_output_filter_handle(out, tunnel, NULL, r->connection);
    ap_add_input_filter_handle(in, tunnel, NULL, r->connection);
}

int secsession_tunnel_prepare(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (here.context && r->main == NULL && secsession_interim_is_proxied(r)
        && apr_table_get(r->headers_in, "Upgrade") && r->connection->master == NULL) {
        watch(&here);
    }
    return DECLINED;
}

void secsession_tunnel_insert(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (r->main == NULL && r->proxyreq && here.context) {
        ap_add_output_filter_handle(trailers, NULL, r, r->connection);
    }
}
