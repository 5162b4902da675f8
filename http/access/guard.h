/* SecSessionGuard: requests that another origin made the browser send. */
#ifndef SECSESSION_GUARD_H
#define SECSESSION_GUARD_H

#include <httpd.h>

typedef enum {
    SECSESSION_SAME_ORIGIN, /* the browser says that its user or one of our own pages sent it */
    SECSESSION_NO_ORIGIN,   /* the client does not say: it is an old browser, or no browser */
    SECSESSION_OTHER_ORIGIN /* another origin, or one that the browser does not name */
} secsession_origin_t;

/* The origin of the request according to Sec-Fetch-Site (W3C Fetch Metadata) or, if the browser
 * does not send that, to Origin (RFC 6454). "Sec-Fetch-Site: none", which browsers send for typed
 * addresses and bookmarks, counts as our own origin. */
secsession_origin_t secsession_guard_origin(request_rec *r);

/* header_parser, after the look-up: if SecSessionGuard is On, answers 403 to a request with a
 * session that another origin made the browser send, if it may change something (any method but
 * GET, HEAD, OPTIONS and TRACE) or opens a WebSocket, to which the same-origin policy does not
 * apply. Else DECLINED. */
int secsession_guard_check(request_rec *r);

#endif
