/* The user in a request header, for applications that are told so (SecSessionForward). */
#ifndef SECSESSION_FORWARD_H
#define SECSESSION_FORWARD_H

#include <httpd.h>

/* post_read_request: takes out what the client sent under any such name, in every spelling that CGI
 * and backends map to the same variable, wherever in the server it is used. */
int secsession_forward_strip(request_rec *r);

/* fixups, after subrequests have fields of their own: sets the header of this location to the
 * user of the session, if there is one. */
int secsession_forward_fixup(request_rec *r);

#endif
