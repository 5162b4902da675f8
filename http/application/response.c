/* See response.h. */
#include "http/application/response.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "http/access/authn.h"
#include "http/application/environment.h"
#include "http/application/harden.h"
#include "http/application/words.h"
#include "http/request/context.h"
#include "http/request/rotate.h"
#include "http/setup/config.h"

#define RETRY_AFTER "5" /* seconds */

static ap_filter_rec_t *filter;

void secsession_response_no_store(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
}

int secsession_response_unavailable(request_rec *r)
{
    secsession_response_no_store(r);
    apr_table_setn(r->err_headers_out, "Retry-After", RETRY_AFTER);
    return HTTP_SERVICE_UNAVAILABLE;
}

/* Whether a Set-Cookie field of the application carries our cookie's name. */
static int sets_ours(const char *field, const char *name)
{
    apr_size_t length = strlen(name);

    field += strspn(field, " \t");
    if (strncmp(field, name, length) != 0) {
        return 0;
    }
    field += length;
    field += strspn(field, " \t");
    return *field == '=' || *field == ';' || *field == '\0';
}

/* Whether nobody but us may send this field. Every field of every response is asked for: one look at
 * its first letter is enough for most. */
static int is_ours(const apr_table_entry_t *field, const char *cookie)
{
    if (*field->key != 'S' && *field->key != 's') {
        return 0;
    }
    return secsession_identity_is_reserved(field->key)
           || (strcasecmp(field->key, "Set-Cookie") == 0 && sets_ours(field->val, cookie));
}

/* A table without such fields. */
static apr_table_t *without_ours(request_rec *r, apr_table_t *headers, const char *cookie)
{
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;
    apr_table_t *kept;
    int found = 0;

    for (int i = 0; i < array->nelts && !found; i++) {
        found = is_ours(&entries[i], cookie);
    }
    if (!found) {
        return headers;
    }
    kept = apr_table_make(r->pool, array->nelts);
    for (int i = 0; i < array->nelts; i++) {
        if (!is_ours(&entries[i], cookie)) {
            apr_table_addn(kept, entries[i].key, entries[i].val);
        }
    }
    return kept;
}

void secsession_response_strip(request_rec *r)
{
    const char *name = secsession_config_server(r)->cookie.name;

    r->headers_out = without_ours(r, r->headers_out, name);
    r->err_headers_out = without_ours(r, r->err_headers_out, name);
}

void secsession_response_strip_trailers(request_rec *r)
{
    apr_table_unset(r->trailers_out, "Set-Cookie");
    r->trailers_out = without_ours(r, r->trailers_out, secsession_config_server(r)->cookie.name);
}

int secsession_response_sets_ours(request_rec *r, const char *field)
{
    return sets_ours(field, secsession_config_server(r)->cookie.name);
}

/* RFC 9111 keeps shared caches from responses to requests with Authorization, not with cookies. An
 * application's own private or no-store is as good; anything else is replaced. */
static void set_cache_control(request_rec *r)
{
    const char *own = apr_table_get(r->headers_out, "Cache-Control");

    if (own == NULL) {
        own = apr_table_get(r->err_headers_out, "Cache-Control");
    }
    if (own && (ap_find_token(r->pool, own, "no-store") || ap_find_token(r->pool, own, "private"))
        && !ap_find_token(r->pool, own, "public")) {
        return;
    }
    /* Not among err_headers_out: httpd makes a new table of both where there are any. */
    apr_table_unset(r->err_headers_out, "Cache-Control");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
}

/* A browser that is to stay signed in keeps the cookie as long as the session can last. */
static const char *max_age(request_rec *r, const secsession_context_t *context)
{
    if (context->new_token == NULL) {
        return "; Max-Age=0";
    }
    return context->session->persistent ? apr_psprintf(r->pool, "; Max-Age=%" APR_INT64_T_FMT,
                                                       context->session->left_ms / 1000)
                                        : "";
}

/* The one Set-Cookie of a response (RFC 6265bis, 4.1.1). A deletion repeats the attributes, or
 * browsers keep a __Host- cookie. */
static int set_cookie(request_rec *r, secsession_context_t *context)
{
    const secsession_cookie_t *cookie = &secsession_config_server(r)->cookie;

    if (context->new_token == NULL && !context->forget) {
        return 0;
    }
    apr_table_addn(r->err_headers_out, "Set-Cookie",
                   apr_pstrcat(r->pool, cookie->name, "=",
                               context->new_token ? context->new_token : "", cookie->attributes,
                               max_age(r, context), NULL));
    return 1;
}

/* Sends an error in place of the application's response, of which nothing has been sent. */
static apr_status_t replace(ap_filter_t *f, apr_bucket_brigade *brigade, int status,
                            const char *location)
{
    request_rec *r = f->r;
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;

    apr_table_clear(r->headers_out);
    apr_table_clear(r->err_headers_out);
    secsession_context_get(r)->replaced_by = status;
    if (location) {
        apr_table_setn(r->headers_out, "Location", location);
    }
    r->status = HTTP_OK; /* or httpd would take this for an error in an ErrorDocument */
    r->status_line = NULL;
    r->content_encoding = NULL;
    r->content_languages = NULL;
    apr_brigade_cleanup(brigade);
    APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(status, NULL, r->pool, allocator));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    return ap_pass_brigade(f->next, brigade);
}

/* Whether the response shows what belongs to a session. */
static int is_of_session(request_rec *r, const secsession_context_t *context)
{
    const secsession_session_t *session;

    return context->is_looked_up && secsession_config_location(r)->cache_control != 0
           && (secsession_context_session(r, &session), session != NULL);
}

static apr_status_t look_over(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    secsession_context_t *context = secsession_context_get(r);
    const char *location;
    int status;

    ap_remove_output_filter(f);
    secsession_applogin_read(r);
    status = secsession_applogin_obey(r);
    if (status != OK) {
        return replace(f, brigade, status, NULL);
    }
    if (context->fresh_within && !context->replaced_by && r->status == HTTP_UNAUTHORIZED
        && secsession_authn_demand_fresh(r, &location) == HTTP_SEE_OTHER) {
        return replace(f, brigade, HTTP_SEE_OTHER, location);
    }
    if (context->replaced_by == HTTP_SERVICE_UNAVAILABLE) {
        secsession_response_unavailable(r); /* httpd may have dropped what the error came with */
    }
    secsession_harden_response(r);
    secsession_rotate_offer(r);
    if (set_cookie(r, context) || context->replaced_by || is_of_session(r, context)) {
        set_cache_control(r);
    }
    return ap_pass_brigade(f->next, brigade);
}

void secsession_response_insert(request_rec *r)
{
    if (r->main == NULL && secsession_context_get(r)) {
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
    }
}

void secsession_response_register(void)
{
    /* After mod_headers, before mod_cache takes its copy. */
    filter = ap_register_output_filter("SECSESSION", look_over, NULL, AP_FTYPE_CONTENT_SET);
}
