/* What an application says of its users' logins and logouts, by response headers
 * (SecSessionAppLogin) or by what its responses look like (SecSessionLoginWhen,
 * SecSessionLogoutWhen), and what becomes of the cookies that it sets (SecSessionVault). */
#ifndef SECSESSION_WORDS_H
#define SECSESSION_WORDS_H

#include "http/request/context.h"

/* fixups, of main requests: what must be known before the application is asked. */
int secsession_words_prepare(request_rec *r);

/* Reads what the response of this request says, as its location allows, and takes it out. */
void secsession_words_read(const secsession_here_t *here);

/* post_read_request, before secsession_arrive(): the same for what the request has said that was
 * redirected internally to this one. CGI's fields come along, and must not be believed as if
 * they came from the new location. Always DECLINED. */
int secsession_words_read_redirect(request_rec *r);

/* Does what has been read: logs in, logs out, revokes, keeps cookies; once for a response. OK,
 * or the status of the response that must take its place. */
int secsession_words_obey(const secsession_here_t *here);

#endif
