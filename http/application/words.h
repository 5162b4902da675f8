/* What an application says of its users' logins and logouts, by response headers
 * (SecSessionAppLogin) or by what its responses look like (SecSessionLoginWhen, SecSessionLogoutWhen),
 * and what becomes of the cookies that it sets (SecSessionVault). */
#ifndef SECSESSION_APPLOGIN_H
#define SECSESSION_APPLOGIN_H

#include <httpd.h>

/* fixups, of main requests: what must be known before the application is asked. */
int secsession_applogin_prepare(request_rec *r);

/* Reads what the response of this request says, as its location allows, and takes it out. */
void secsession_applogin_read(request_rec *r);

/* The same for what the request that was redirected internally to this one has said: CGI's fields
 * come along, and must not be believed as if they came from the new location. */
void secsession_applogin_read_redirect(request_rec *r);

/* Does what has been read: logs in, logs out, revokes, keeps cookies; once for a response. OK, or the
 * status of the response that must take its place. */
int secsession_applogin_obey(request_rec *r);

#endif
