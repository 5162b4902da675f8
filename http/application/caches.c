/* Sets Cache-Control, removes what caches obey in its place, and keeps mod_cache away. */
#include "http/application/caches.h"

#include <apr_date.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>

#include "http/parse/cachecontrol.h"
#include "http/request/current.h"
#include "http/request/navigation.h"
#include "http/request/reserved.h"

/* --- mod_cache -------------------------------------------------------------------------------- */

/* mod_cache stores no response to a request with this variable. It is not told by Cache-Control,
 * because CacheStoreNoStore lets it store whatever that says, nor by r->no_cache, which would add
 * Expires to the response. A subrequest and its main request are stored each by itself. */
static void keep_from_mod_cache(request_rec *r)
{
    for (; r; r = r->main) {
        apr_table_setn(r->subprocess_env, "no-cache", "1");
    }
}

static int has_mod_cache;

int secsession_caches_find(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    has_mod_cache = ap_find_linked_module("mod_cache.c") != NULL;
    return OK;
}

int secsession_caches_fixup(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (here.context && has_mod_cache && secsession_current(&here)) {
        keep_from_mod_cache(r);
    }
    return DECLINED;
}

/* mod_cache handles no method but GET, and can be passed by in no other way that no directive of
 * its own overrules: while its hook runs, the request has no method that it knows. */
static void pass_by(const secsession_here_t *here)
{
    if (here->r->method_number == M_GET) {
        here->context->passes_by = here->r;
        here->r->method_number = M_INVALID;
    }
}

int secsession_caches_pass_by(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (here.context && has_mod_cache
        && (here.context->presented != SECSESSION_COOKIE_NONE || secsession_current(&here))) {
        pass_by(&here);
    }
    return DECLINED;
}

int secsession_caches_pass_by_early(request_rec *r, int is_lookup)
{
    const secsession_here_t here = secsession_here(r);

    if (here.context && has_mod_cache && here.context->presented != SECSESSION_COOKIE_NONE) {
        pass_by(&here);
    }
    return DECLINED;
}

int secsession_caches_go_on(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (here.context && here.context->passes_by == r) {
        here.context->passes_by = NULL;
        r->method_number = M_GET;
    }
    return DECLINED;
}

int secsession_caches_go_on_early(request_rec *r, int is_lookup)
{
    return secsession_caches_go_on(r);
}

/* --- the fields of a response ----------------------------------------------------------------- */

/* Fields that tell some caches what they do in place of what Cache-Control tells all of them:
 * CDN-Cache-Control and its relatives (RFC 9213), Surrogate-Control (Fastly, Varnish), Edge-Control
 * (Akamai), X-LiteSpeed-Cache-Control, X-Accel-Expires (nginx). */
static int is_targeted(const char *field, const void *none)
{
    static const char ending[] = "-Cache-Control";
    const apr_size_t length = strlen(field), ending_length = sizeof(ending) - 1;

    return (length > ending_length && strcasecmp(field + length - ending_length, ending) == 0)
           || strcasecmp(field, "Surrogate-Control") == 0 || strcasecmp(field, "Edge-Control") == 0
           || strcasecmp(field, "X-Accel-Expires") == 0;
}

/* All fields of this name in the response, as the one that they are together; or NULL. */
static const char *field_of(request_rec *r, const char *name)
{
    const char *one = apr_table_getm(r->pool, r->headers_out, name);
    const char *other = apr_table_getm(r->pool, r->err_headers_out, name);

    return one && other ? apr_pstrcat(r->pool, one, ", ", other, NULL) : one ? one : other;
}

int secsession_caches_note_user(request_rec *r)
{
    secsession_context_t *context = secsession_here(r).context;

    if (context) {
        context->needs_user = 1;
    }
    return DECLINED;
}

/* A file to which the answer of an application leads, by an internal redirect, is that answer. */
int secsession_caches_note_file(request_rec *r)
{
    secsession_context_t *context = secsession_here(r).context;

    if (context && r->finfo.filetype == APR_REG && r->prev == NULL && r->main == NULL) {
        context->file = r;
    }
    return DECLINED;
}

/* What a user has looked at must not come back when somebody else goes back in the same browser: a
 * page, or whatever is shown like one. What has no type may be one; the answer that something has
 * not changed needs none. */
static int is_page(request_rec *r)
{
    const char *type = r->content_type;

    return (type == NULL && r->status != HTTP_NOT_MODIFIED)
           || (type && strncasecmp(type, "text/html", 9) == 0)
           || (type && strncasecmp(type, "application/xhtml", 17) == 0)
           || secsession_navigation_is_shown(r);
}

/* Whether the response depends on who asks, as far as it says itself. */
static int is_for_one(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const char *vary = field_of(r, "Vary");

    return field_of(r, "Set-Cookie") || here->context->vaulted.fields > 0
           || (vary
               && (ap_find_token(r->pool, vary, "Cookie")
                   || ap_find_token(r->pool, vary, "Authorization") || strchr(vary, '*')));
}

static int is_success(request_rec *r)
{
    return r->status == HTTP_OK || r->status == HTTP_PARTIAL_CONTENT
           || r->status == HTTP_NOT_MODIFIED;
}

static int expires_later(request_rec *r)
{
    const char *expires = field_of(r, "Expires");

    return expires && apr_date_parse_http(expires) > r->request_time;
}

/* What the browser may do with the response, of which the application says `own`; NULL: not keep
 * it. Of a file that only users get it keeps what makes pages look and work, and asks each time
 * whether it may use it. */
static const char *for_the_browser(const secsession_here_t *here, const char *own)
{
    request_rec *r = here->r;
    const int is_file = here->context->file == r;
    const char *kept;
    int is_for_all;

    if (!is_success(r) || is_page(r) || is_for_one(here)) {
        return NULL;
    }
    kept = secsession_cachecontrol_as_private(r->pool, own ? own : "", expires_later(r),
                                              &is_for_all);
    if (kept == NULL || is_for_all || (is_file && !here->context->needs_user)) {
        return kept;
    }
    return is_file && secsession_navigation_is_furniture(r) ? "private, no-cache" : NULL;
}

/* Shared caches do not store responses to requests with Authorization (RFC 9111, 3.5), but they
 * store those to requests with cookies. If the application itself says private or no-store, that is
 * enough; anything else is replaced: by no-store, unless the browser may keep the response. */
static void set_cache_control(const secsession_here_t *here, int is_ours)
{
    request_rec *r = here->r;
    const char *own = field_of(r, "Cache-Control"), *kept;

    r->headers_out = secsession_reserved_without(r->pool, r->headers_out, is_targeted, NULL);
    r->err_headers_out = secsession_reserved_without(r->pool, r->err_headers_out, is_targeted,
                                                     NULL);
    if (own == NULL || !secsession_cachecontrol_is_private(own)) {
        kept = is_ours ? NULL : for_the_browser(here, own);
        /* This is not set in err_headers_out: if that is empty, httpd need not merge the two
         * tables. */
        apr_table_unset(r->err_headers_out, "Cache-Control");
        apr_table_setn(r->headers_out, "Cache-Control", kept ? kept : "no-store");
    }
}

void secsession_caches_tell(const secsession_here_t *here, int is_ours)
{
    const int is_of_session = here->context->is_looked_up && secsession_current(here) != NULL;

    if (is_ours || (is_of_session && here->location->cache_control != 0)) {
        set_cache_control(here, is_ours);
    }
    if ((is_ours || is_of_session) && has_mod_cache) {
        keep_from_mod_cache(here->r);
    }
}
