/* Finds the context of a request. It is attached to the first of all requests that share it. */
#include "http/request/context.h"

#include <string.h>

request_rec *secsession_first_request(request_rec *r)
{
    while (r->main || r->prev) {
        r = r->main ? r->main : r->prev;
    }
    return r;
}

apr_pool_t *secsession_lasting_pool(const request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    return r->pool;
}

/* parsed_uri has been decoded, so unparsed_uri is used; it may be an absolute URI, as clients send
 * it to a proxy. */
const char *secsession_asked_for(request_rec *r)
{
    const request_rec *first = secsession_first_request(r);
    const char *uri = first->unparsed_uri ? first->unparsed_uri : "";
    const char *authority = *uri == '/' ? NULL : strstr(uri, "://");

    return authority ? authority + 3 + strcspn(authority + 3, "/?#") : uri;
}

secsession_here_t secsession_here(request_rec *r)
{
    return (secsession_here_t){
        .r = r,
        .context = ap_get_module_config(secsession_first_request(r)->request_config,
                                        &secsession_module),
        .server = secsession_config_server(r),
        .location = secsession_config_location(r),
    };
}
