/* Reads Sec-Fetch-Site and Origin, and what SecSessionGuard allows. */
#include "http/request/origin.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

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
secsession_origin_t secsession_origin_of(request_rec *r)
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

const char *secsession_origin_named(request_rec *r)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    return origin && strstr(origin, "://") ? origin : NULL;
}

int secsession_origin_is_stranger(const secsession_here_t *here)
{
    const apr_array_header_t *allowed = here->location->guard_allows;
    const char *origin = secsession_origin_named(here->r);

    if (secsession_origin_of(here->r) != SECSESSION_OTHER_ORIGIN) {
        return 0;
    }
    for (int i = 0; origin && allowed && i < allowed->nelts; i++) {
        if (strcasecmp(APR_ARRAY_IDX(allowed, i, const char *), origin) == 0) {
            return 0;
        }
    }
    return 1;
}
