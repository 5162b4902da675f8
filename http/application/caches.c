/* Sets Cache-Control, removes what caches obey in its place, and keeps mod_cache away. */
#include "http/application/caches.h"

#include <apr_strings.h>
#include <http_config.h>

#include "http/parse/cachecontrol.h"
#include "http/request/current.h"
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

/* All Cache-Control fields of the response, as the one that they are together. */
static const char *cache_control_of(request_rec *r)
{
    const char *one = apr_table_getm(r->pool, r->headers_out, "Cache-Control");
    const char *other = apr_table_getm(r->pool, r->err_headers_out, "Cache-Control");

    return one && other ? apr_pstrcat(r->pool, one, ", ", other, NULL) : one ? one : other;
}

/* Shared caches do not store responses to requests with Authorization (RFC 9111, 3.5), but they
 * store those to requests with cookies. If the application itself says private or no-store, that is
 * enough; anything else is replaced. */
static void set_cache_control(request_rec *r)
{
    const char *own = cache_control_of(r);

    r->headers_out = secsession_reserved_without(r->pool, r->headers_out, is_targeted, NULL);
    r->err_headers_out = secsession_reserved_without(r->pool, r->err_headers_out, is_targeted,
                                                     NULL);
    if (own == NULL || !secsession_cachecontrol_is_private(own)) {
        /* This is not set in err_headers_out: if that is empty, httpd need not merge the two
         * tables. */
        apr_table_unset(r->err_headers_out, "Cache-Control");
        apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    }
}

void secsession_caches_tell(const secsession_here_t *here, int is_ours)
{
    const int is_of_session = here->context->is_looked_up && secsession_current(here) != NULL;

    if (is_ours || (is_of_session && here->location->cache_control != 0)) {
        set_cache_control(here->r);
    }
    if ((is_ours || is_of_session) && has_mod_cache) {
        keep_from_mod_cache(here->r);
    }
}
