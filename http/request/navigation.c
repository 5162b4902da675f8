/* Reads Sec-Fetch-Mode and Sec-Fetch-Dest, and what browsers send that do not know these. */
#include "http/request/navigation.h"

#include <string.h>

static int is(request_rec *r, const char *field, const char *value)
{
    const char *sent = apr_table_get(r->headers_in, field);

    return sent && strcmp(sent, value) == 0;
}

int secsession_navigation_is_html(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept && ap_strcasestr(accept, "text/html");
}

/* Only XMLHttpRequest marks a script: the WebView of Android sends the name of its application with
 * every page. */
int secsession_navigation_is_page(request_rec *r)
{
    const char *with = apr_table_get(r->headers_in, "X-Requested-With");

    if (r->method_number != M_GET || !secsession_navigation_is_html(r)) {
        return 0;
    }
    return apr_table_get(r->headers_in, "Sec-Fetch-Mode")
               ? is(r, "Sec-Fetch-Mode", "navigate")
               : with == NULL || strcasecmp(with, "XMLHttpRequest") != 0;
}

int secsession_navigation_is_of_page(request_rec *r)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");

    return mode ? strcmp(mode, "navigate") != 0 : is(r, "X-Requested-With", "XMLHttpRequest");
}

/* These fields are only sent with a request that nobody has asked for yet. */
static int is_ahead(request_rec *r)
{
    static const char *const marks[] = { "Sec-Purpose", "Purpose", "X-Purpose", "X-Moz" };

    for (apr_size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (apr_table_get(r->headers_in, marks[i])) {
            return 1;
        }
    }
    return 0;
}

int secsession_navigation_is_visit(request_rec *r)
{
    return is(r, "Sec-Fetch-Mode", "navigate") && is(r, "Sec-Fetch-Dest", "document")
           && !is_ahead(r);
}

int secsession_navigation_is_shown(request_rec *r)
{
    return is(r, "Sec-Fetch-Mode", "navigate");
}

int secsession_navigation_is_furniture(request_rec *r)
{
    return is(r, "Sec-Fetch-Dest", "style") || is(r, "Sec-Fetch-Dest", "script")
           || is(r, "Sec-Fetch-Dest", "font");
}

int secsession_navigation_is_framed(request_rec *r)
{
    static const char *const places[] = { "iframe", "frame", "object", "embed", "fencedframe" };

    for (apr_size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (is(r, "Sec-Fetch-Dest", places[i])) {
            return 1;
        }
    }
    return 0;
}
