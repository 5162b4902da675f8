/* The application's own cookies (SecSessionVault): kept in the session, never given to the browser,
 * never taken from it. The rules of keeping and sending are in session/jar.h. */
#ifndef SECSESSION_HTTP_VAULT_H
#define SECSESSION_HTTP_VAULT_H

#include <httpd.h>

#include "session/jar.h"

/* header_parser, after the look-up; and fixups, for subrequests: puts the vault's cookies in place of
 * the browser's. 503 where the database is needed and away. */
int secsession_vault_apply(request_rec *r);
int secsession_vault_apply_to_subrequest(request_rec *r);

/* Takes the cookies that are for the vault out of a response's fields, as `r`'s location says. They
 * are collected in the context until secsession_applogin_obey() keeps them. */
void secsession_vault_take(request_rec *r);

/* Whether the vault keeps what this Set-Cookie field sets: then no client may get it. */
int secsession_vault_is_kept(request_rec *r, const char *field);

/* Whether what was collected changes anything; and whether the session may keep so much: OK, or 502,
 * which has been logged. */
int secsession_vault_has_news(request_rec *r);
int secsession_vault_check(request_rec *r);

#endif
