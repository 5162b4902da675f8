/* See guard.h. */
#include "http/guard.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

/* "host[:port]" without a port that the scheme implies. */
static const char *authority(request_rec *r, const char *scheme, const char *host)
{
    const char *port = strcasecmp(scheme, "https") == 0 ? ":443" : ":80";
    apr_size_t length = strlen(host), port_length = strlen(port);

    if (length > port_length && strcmp(host + length - port_length, port) == 0) {
        length -= port_length;
    }
    return apr_pstrmemdup(r->pool, host, length);
}

/* The scheme must be ours, too, except where ours is http: a proxy in front may have ended TLS. */
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

secsession_origin_t secsession_guard_origin(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");

    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) {
        return SECSESSION_OTHER_ORIGIN;
    }
    if (origin) {
        return is_our_origin(r, origin) ? SECSESSION_SAME_ORIGIN : SECSESSION_OTHER_ORIGIN;
    }
    return site ? SECSESSION_SAME_ORIGIN : SECSESSION_NO_ORIGIN;
}
