/* A filter of the connection that takes out of the head of each interim response what must not be
 * passed on.
 *
 * mod_proxy_http and mod_proxy_http2 call ap_send_interim_response(), which writes the status line
 * and the fields of the backend to the filters of the connection, in one brigade or more, and then
 * a FLUSH bucket. While it does so, r->status is that of the interim response. Of whatever else
 * passes this filter nothing is touched, and no other bucket is ever kept. The filter stays with
 * the connection, because httpd takes the memory of a filter from it; between requests it watches
 * none. */
#include "http/application/interim.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "http/request/context.h"
#include "http/request/reserved.h"

static ap_filter_rec_t *filter;

/* Lives as long as the connection. */
typedef struct {
    request_rec *r;   /* the request whose interim responses come here; NULL: none */
    const char *head; /* what has come of the head that is being written, in r's pool; NULL: none */
} interim_t;

static int is_token(const char *name)
{
    const char *c = name;

    while (apr_isalnum(*c) || (*c && strchr("!#$%&'*+-.^_`|~", *c))) {
        c++;
    }
    return c > name && *c == '\0';
}

static int is_text(const char *value)
{
    while (*value == '\t' || !apr_iscntrl(*value)) {
        value++;
    }
    return *value == '\0';
}

/* Whether a field may be passed on. Nobody relies on cookies of interim responses, since clients
 * may ignore them (RFC 6265bis, 5.6). */
static int is_allowed(apr_pool_t *pool, const char *line)
{
    const char *colon = strchr(line, ':'), *name;

    if (colon == NULL) {
        return 0;
    }
    name = apr_pstrmemdup(pool, line, (apr_size_t)(colon - line));
    return is_token(name) && is_text(colon + 1) && !secsession_reserved_is_field(name)
           && strcasecmp(name, "Set-Cookie") != 0;
}

/* The head without the fields that must not be passed on. */
static const char *cleaned(apr_pool_t *pool, const char *head)
{
    apr_array_header_t *kept = apr_array_make(pool, 16, sizeof(const char *));
    const char *end;

    for (; (end = strstr(head, "\r\n")) != NULL; head = end + 2) {
        const char *line = apr_pstrmemdup(pool, head, (apr_size_t)(end - head));

        if (kept->nelts == 0 || *line == '\0' || is_allowed(pool, line)) {
            APR_ARRAY_PUSH(kept, const char *) = line;
            APR_ARRAY_PUSH(kept, const char *) = "\r\n";
        }
    }
    return apr_array_pstrcat(pool, kept, '\0');
}

static void insert_head(interim_t *interim, apr_bucket *next)
{
    const char *head = cleaned(interim->r->pool, interim->head);

    APR_BUCKET_INSERT_BEFORE(next, apr_bucket_heap_create(head, strlen(head), NULL, next->list));
    interim->head = NULL;
}

/* Takes the bytes of a bucket into what has come of the head. */
static apr_status_t collect(interim_t *interim, apr_bucket *bucket)
{
    apr_pool_t *pool = interim->r->pool;
    const char *data;
    apr_size_t length;
    apr_status_t status = apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ);

    if (status == APR_SUCCESS) {
        data = apr_pstrmemdup(pool, data, length);
        interim->head = interim->head ? apr_pstrcat(pool, interim->head, data, NULL) : data;
        apr_bucket_delete(bucket);
    }
    return status;
}

/* Replaces what is written of a head by the cleaned head, as soon as that is whole. */
static apr_status_t rewrite(interim_t *interim, apr_bucket_brigade *brigade)
{
    apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
    apr_status_t status = APR_SUCCESS;

    while (bucket != APR_BRIGADE_SENTINEL(brigade) && status == APR_SUCCESS) {
        apr_bucket *next = APR_BUCKET_NEXT(bucket);

        if (!APR_BUCKET_IS_METADATA(bucket)) {
            status = collect(interim, bucket);
        } else if (APR_BUCKET_IS_FLUSH(bucket) && interim->head) {
            insert_head(interim, bucket);
        }
        bucket = next;
    }
    return status;
}

static apr_status_t look_over(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    interim_t *interim = f->ctx;

    if (interim->r && ap_is_HTTP_INFO(interim->r->status)
        && interim->r->status != HTTP_SWITCHING_PROTOCOLS) {
        apr_status_t status = rewrite(interim, brigade);

        if (status != APR_SUCCESS || APR_BRIGADE_EMPTY(brigade)) {
            return status;
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
