/* Distinguishes requests that another origin made the browser send from those of our own pages. */
#include "http/access/guard.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#include "http/request/current.h"

APLOG_USE_MODULE(secsession);

/* "host[:port]" without the port if it is the default of the scheme. */
static const char *authority(request_rec *r, const char *scheme, const char *host)
{
    const char *port = strcasecmp(scheme, "https") == 0 ? ":443" : ":80";
    apr_size_t length = strlen(host), port_length = strlen(port);

    if (length > port_length && strcmp(host + length - port_length, port) == 0) {
        length -= port_length;
    }
    return apr_pstrmemdup(r->pool, host, length);
}

/* The scheme must be ours, too. If ours is http, https is accepted as well, since TLS may end at a
 * proxy in front of httpd. */
static int is_our_origin(request_rec *r, const char *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host");
    const char *separator = strstr(origin, "://");
    const char *scheme;

    if (host == NULL || separator == NULL) {
        return 0;
    }
    scheme = apr_pstrmemdup(r->pool, origin, (apr_size_t)(separator - origin));
    if (strcasecmp(scheme, ap_http_scheme(r)) != 0
        && !(strcasecmp(scheme, "https") == 0 && strcmp(ap_http_scheme(r), "http") == 0)) {
        return 0;
    }
    return strcasecmp(authority(r, scheme, separator + 3), authority(r, scheme, host)) == 0;
}

/* Sec-Fetch-Site is what the browser has found out by itself. Origin is only what the policy of the
 * page lets it say: "null" for every form of a page with Referrer-Policy: no-referrer, and a proxy
 * in front of httpd may have replaced the Host to compare it with. */
secsession_origin_t secsession_guard_origin(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");

    if (site) {
        return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0
                   ? SECSESSION_SAME_ORIGIN
                   : SECSESSION_OTHER_ORIGIN;
    }
    if (origin == NULL) {
        return SECSESSION_NO_ORIGIN;
    }
    return is_our_origin(r, origin) ? SECSESSION_SAME_ORIGIN : SECSESSION_OTHER_ORIGIN;
}

static int is_allowed(const secsession_location_config_t *location, const char *origin)
{
    const apr_array_header_t *allowed = location->guard_allows;

    for (int i = 0; origin && allowed && i < allowed->nelts; i++) {
        if (strcasecmp(APR_ARRAY_IDX(allowed, i, const char *), origin) == 0) {
            return 1;
        }
    }
    return 0;
}

static int may_do_harm(request_rec *r)
{
    const char *upgrade = apr_table_get(r->headers_in, "Upgrade");

    switch (r->method_number) {
    case M_GET: /* and HEAD */
        return upgrade && ap_find_token(r->pool, upgrade, "websocket");
    case M_OPTIONS:
    case M_TRACE:
        return 0;
    default:
        return 1;
    }
}

/* The origin that could be named in SecSessionGuard, or NULL: a page may keep the browser from
 * naming it. */
static const char *named_origin(request_rec *r)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    return origin && strstr(origin, "://") ? origin : NULL;
}

int secsession_guard_check(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const char *origin;

    if (here.location->guard == 0 || !may_do_harm(r) || secsession_current(&here) == NULL
        || secsession_guard_origin(r) != SECSESSION_OTHER_ORIGIN
        || is_allowed(here.location, named_origin(r))) {
        return DECLINED;
    }
    origin = named_origin(r);
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, r,
        "SS218: a %s request from another origin with a session was refused at %s; to allow it, "
        "%s%s",
        r->method, r->uri,
        origin ? "write SecSessionGuard On "
               : "let the page that sent it name its origin, which Referrer-Policy: no-referrer "
                 "and sandboxed frames prevent, or write SecSessionGuard Off there",
        origin ? origin : "");
    return HTTP_FORBIDDEN;
}
