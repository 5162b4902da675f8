/* SecSessionForward: the user in a request header, for applications that rely on one. */
#ifndef SECSESSION_FORWARD_H
#define SECSESSION_FORWARD_H

#include <httpd.h>

/* post_read_request: removes the fields that the client has sent with any of the names that are
 * used in this server, in every spelling that CGI and backends map to the same variable. Always
 * DECLINED. */
int secsession_forward_strip(request_rec *r);

/* fixups, after subrequests have got header fields of their own: sets the header of this location
 * to the user of the session, if there is one. DECLINED, or 403 if no header field can carry the
 * user's name. */
int secsession_forward_fixup(request_rec *r);

#endif
