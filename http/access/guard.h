/* Requests that another site made the browser send. */
#ifndef SECSESSION_GUARD_H
#define SECSESSION_GUARD_H

#include <httpd.h>

typedef enum {
    SECSESSION_SAME_ORIGIN, /* the browser says that one of our own pages, or its user, sent it */
    SECSESSION_NO_ORIGIN,   /* the client says nothing: an old browser, or not a browser */
    SECSESSION_OTHER_ORIGIN /* another origin, or one that the browser will not name */
} secsession_origin_t;

/* Where the request came from, by Sec-Fetch-Site, else by Origin (W3C Fetch Metadata; RFC 6454).
 * Sec-Fetch-Site: none (typed, or a bookmark) counts as our own. */
secsession_origin_t secsession_guard_origin(request_rec *r);

/* header_parser, after the look-up, where SecSessionGuard is On: 403 for a request that another
 * origin made the browser send with its session, if it may change something (any method but GET,
 * HEAD, OPTIONS and TRACE) or opens a WebSocket, which no same-origin policy holds back. */
int secsession_guard_check(request_rec *r);

#endif
