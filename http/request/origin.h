/* Distinguishes requests that another origin made the browser send from those of our own pages. */
#ifndef SECSESSION_ORIGIN_H
#define SECSESSION_ORIGIN_H

#include "http/request/context.h"

typedef enum {
    SECSESSION_SAME_ORIGIN, /* the browser says that its user or one of our own pages sent it */
    SECSESSION_NO_ORIGIN,   /* the client does not say: it is an old browser, or no browser */
    SECSESSION_OTHER_ORIGIN /* another origin, or one that the browser does not name */
} secsession_origin_t;

/* The origin of the request according to Sec-Fetch-Site (W3C Fetch Metadata) or, if the browser
 * does not send that, to Origin (RFC 6454). "Sec-Fetch-Site: none", which browsers send for typed
 * addresses and bookmarks, counts as our own origin. */
secsession_origin_t secsession_origin_of(request_rec *r);

/* The origin that could be named in SecSessionGuard, or NULL: a page may keep the browser from
 * naming it. */
const char *secsession_origin_named(request_rec *r);

/* Whether another origin made the browser send the request, and SecSessionGuard does not name that
 * one at this location. */
int secsession_origin_is_stranger(const secsession_here_t *here);

#endif
