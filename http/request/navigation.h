/* What a browser wants to do with the response to a request: show it to a person as a page, alone
 * or in a frame, or anything else (W3C Fetch Metadata). */
#ifndef SECSESSION_NAVIGATION_H
#define SECSESSION_NAVIGATION_H

#include <httpd.h>

/* Whether the client accepts HTML: a person may see it, even if a script has asked for it. */
int secsession_navigation_is_html(request_rec *r);

/* Whether a person is waiting for a page, as opposed to the request of a script or for an image. */
int secsession_navigation_is_page(request_rec *r);

/* Whether a page has the request sent by itself: by a script, or for a part of it. */
int secsession_navigation_is_of_page(request_rec *r);

/* Whether a person goes to this page now, in a tab of its own: the browser says so, and that it
 * does not fetch the page only because the person might want it later. Sec-Fetch-User is not asked
 * for: Safari never sends it. */
int secsession_navigation_is_visit(request_rec *r);

/* Whether the browser shows the response by itself, as a page of its own or in a frame, rather than
 * as a part of a page. */
int secsession_navigation_is_shown(request_rec *r);

/* Whether the response makes a page look or work, and shows nothing by itself: a style, a script
 * or a font. */
int secsession_navigation_is_furniture(request_rec *r);

/* Whether the page will be shown in a frame of another page, which most pages of ours refuse. */
int secsession_navigation_is_framed(request_rec *r);

#endif
