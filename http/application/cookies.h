/* The application's own cookies (SecSessionVault): kept in the session, never given to the browser,
 * never taken from it. The rules of keeping and sending are in session/jar.h. */
#ifndef SECSESSION_COOKIES_H
#define SECSESSION_COOKIES_H

#include "http/request/context.h"

/* header_parser, after the look-up; and fixups, for subrequests: puts the vault's cookies in
 * place of the browser's. 503 where the database is needed and away. */
int secsession_cookies_apply(request_rec *r);
int secsession_cookies_apply_to_subrequest(request_rec *r);

/* Takes the cookies that are for the vault out of a response's fields, as its location says. They
 * are collected in the context until secsession_words_obey() keeps them. */
void secsession_cookies_take(const secsession_here_t *here);

/* Whether the vault keeps what this Set-Cookie field sets: then no client may get it. */
int secsession_cookies_is_kept(const secsession_here_t *here, const char *field);

/* Whether what was collected changes anything; and whether the session may keep so much: OK, or
 * 502, which has been logged. */
int secsession_cookies_has_news(const secsession_here_t *here);
int secsession_cookies_check(const secsession_here_t *here);

#endif
