/* What an application says about the logins and logouts of its users, either by response headers
 * (SecSessionAppLogin) or implicitly by its responses (SecSessionLoginWhen, SecSessionLogoutWhen),
 * and the cookies that it sets (SecSessionVault). */
#ifndef SECSESSION_WORDS_H
#define SECSESSION_WORDS_H

#include "http/request/context.h"

/* fixups, for main requests: prepares what must be known before the application runs, which is the
 * moment of the database, the copy of the form, and a mark that a name may have been tried.
 * DECLINED, or 503. */
int secsession_words_prepare(request_rec *r);

/* Reads what the response of this request says, as far as its location allows, and removes it from
 * the response. */
void secsession_words_read(const secsession_here_t *here);

/* post_read_request, before secsession_arrive(): the same for the request that was redirected
 * internally to this one. Its header fields are passed on to this response (those of CGI), but must
 * be judged by the location that set them. Always DECLINED. */
int secsession_words_read_redirect(request_rec *r);

/* Does what has been read: logs users in and out, revokes sessions and keeps cookies; only once for
 * each response. Returns OK, or the status of the error that must replace the response. */
int secsession_words_obey(const secsession_here_t *here);

#endif
