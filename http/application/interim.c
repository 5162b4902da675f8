/* A filter of the connection that takes out of the head of each interim response what must not be
 * passed on.
 *
 * mod_proxy_http and mod_proxy_http2 call ap_send_interim_response(), which writes the status line
 * and the fields of the backend to the filters of the connection, in one brigade or more, and then
 * a FLUSH bucket. While it does so, r->status is that of the interim response. Of a head that two
 * programs could read in two ways only the status is passed on, so that a client that waits for 100
 * goes on, and of what comes for a session that has ended nothing. Of whatever else passes this
 * filter nothing is touched, and no other bucket is ever kept.
 *
 * The filter stays with the connection: httpd takes the memory of such a filter from that, and does
 * not take it back, so that one for each request would make a connection grow. Between requests
 * interim->r is NULL, and it holds nothing and passes everything on. */
#include "http/application/interim.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <string.h>
#include <util_filter.h>

#include "http/application/heads.h"
#include "http/request/reserved.h"
#include "http/request/underway.h"

static ap_filter_rec_t *filter;

/* Lives as long as the connection. */
typedef struct {
    request_rec *r;          /* the request whose interim responses come here; NULL: none */
    secsession_head_t *head; /* the head that is being read, in r's pool; NULL: none is */
    int is_wrong;            /* nothing passes of the one that is being written */
} interim_t;

/* Nobody relies on cookies of interim responses, since clients may ignore them (RFC 6265bis,
 * 5.6). */
static int may_pass(const secsession_here_t *here, const char *line)
{
    return !secsession_reserved_is_field(line) && !secsession_head_value(line, "Set-Cookie");
}

/* Takes what a bucket has of the head, and writes that once it is whole. Returns the bucket from
 * which to go on. */
static apr_bucket *rewrite(interim_t *interim, const secsession_here_t *here, apr_bucket *bucket)
{
    secsession_head_outcome_t outcome;
    apr_bucket *next;

    if (interim->head == NULL) {
        interim->head = secsession_head_make(interim->r->pool);
    }
    outcome = secsession_heads_take(interim->head, bucket, &next);
    if (outcome == SECSESSION_HEAD_WHOLE) {
        secsession_heads_write(here, interim->head, may_pass, "", next);
        interim->head = NULL;
    }
    interim->is_wrong = outcome == SECSESSION_HEAD_WRONG;
    return next;
}

/* What has not become a whole head by the FLUSH behind it never will. */
static void end_head(interim_t *interim, apr_bucket *flush)
{
    request_rec *r = interim->r;

    if (interim->head) {
        const char *text = apr_pstrcat(r->pool, "HTTP/1.1 ",
                                       ap_get_status_line_ex(r->pool, r->status), "\r\n\r\n", NULL);

        APR_BUCKET_INSERT_BEFORE(flush,
                                 apr_bucket_heap_create(text, strlen(text), NULL, flush->list));
    }
    interim->head = NULL;
    interim->is_wrong = 0;
}

static void clean(interim_t *interim, apr_bucket_brigade *brigade)
{
    const secsession_here_t here = secsession_here(interim->r);
    const int is_over = secsession_underway_outcome(&here) != SECSESSION_LIVE;
    apr_bucket *bucket = APR_BRIGADE_FIRST(brigade), *next;

    for (; bucket != APR_BRIGADE_SENTINEL(brigade); bucket = next) {
        next = APR_BUCKET_NEXT(bucket);
        if (APR_BUCKET_IS_FLUSH(bucket)) {
            end_head(interim, bucket);
        } else if (APR_BUCKET_IS_METADATA(bucket)) {
            continue;
        } else if (is_over || interim->is_wrong) {
            apr_bucket_delete(bucket);
        } else {
            next = rewrite(interim, &here, bucket);
        }
    }
}

static apr_status_t look_over(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    interim_t *interim = f->ctx;

    if (interim->r && ap_is_HTTP_INFO(interim->r->status)
        && interim->r->status != HTTP_SWITCHING_PROTOCOLS) {
        clean(interim, brigade);
        if (APR_BRIGADE_EMPTY(brigade)) {
            return APR_SUCCESS;
        }
    }
    return ap_pass_brigade(f->next, brigade);
}

void secsession_interim_register(void)
{
    filter = ap_register_output_filter("secsession interim", look_over, NULL, AP_FTYPE_CONNECTION);
}

static interim_t *find(const conn_rec *c)
{
    for (const ap_filter_t *f = c->output_filters; f; f = f->next) {
        if (f->frec == filter) {
            return f->ctx;
        }
    }
    return NULL;
}

static apr_status_t forget(void *data)
{
    ((interim_t *)data)->r = NULL;
    return APR_SUCCESS;
}

static void watch(request_rec *r)
{
    conn_rec *c = r->connection;
    interim_t *interim = find(c);

    if (interim == NULL) {
        interim = apr_pcalloc(c->pool, sizeof(*interim));
        ap_add_output_filter_handle(filter, interim, NULL, c);
    }
    /* The pool of the request before may live on, until its response has been sent. */
    if (interim->r) {
        apr_pool_cleanup_kill(interim->r->pool, interim, forget);
    }
    interim->r = r;
    interim->head = NULL;
    interim->is_wrong = 0;
    apr_pool_cleanup_register(r->pool, interim, forget, apr_pool_cleanup_null);
}

int secsession_interim_is_proxied(const request_rec *r)
{
    return r->proxyreq || (r->handler && strncmp(r->handler, "proxy:", 6) == 0);
}

int secsession_interim_prepare(request_rec *r)
{
    if (secsession_here(r).context == NULL || !secsession_interim_is_proxied(r)) {
        return DECLINED;
    }
    if (r->main) {
        r->expecting_100 = 0;
        apr_table_setn(r->subprocess_env, "proxy-interim-response", "Suppress");
    } else {
        watch(r);
    }
    return DECLINED;
}
