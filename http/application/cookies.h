/* SecSessionVault: the application's own cookies are kept in the session. They are never sent to
 * the browser and never accepted from it. Which of them are kept and sent to the application is
 * decided in session/jar.h (RFC 6265bis). */
#ifndef SECSESSION_COOKIES_H
#define SECSESSION_COOKIES_H

#include "http/request/context.h"

/* header_parser, after the look-up, and fixups, for what that could not do yet: replace the
 * browser's cookies that match SecSessionVault by the cookies of the vault. DECLINED, or 503 if the
 * vault has to be read from the database and this gives no answer. */
int secsession_cookies_apply(request_rec *r);
int secsession_cookies_apply_late(request_rec *r);

/* Removes the cookies that belong into the vault from the response, by the patterns of its
 * location, and collects them in the context until secsession_words_obey() keeps them. */
void secsession_cookies_take(const secsession_here_t *here);

/* Collects one cookie more, of our own, as if the response had set it. The vault of this request
 * has been read, or there is no session. */
void secsession_cookies_add(const secsession_here_t *here, const secsession_kept_t *cookie);

/* Whether the vault changes by what has been collected. */
int secsession_cookies_has_news(const secsession_here_t *here);

/* What has been collected is for the vault of a session that is to begin, in which there is nothing
 * yet. */
void secsession_cookies_begin_anew(const secsession_here_t *here);

/* Checks whether the vault has room for what has been collected. Returns OK, or 502, which has been
 * logged. */
int secsession_cookies_check(const secsession_here_t *here);

#endif
