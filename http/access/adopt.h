/* SecSessionAdopt: users whom another AuthType has authenticated, such as Basic or OpenID Connect,
 * or by their client certificate, get a session. So do they where mod_session is on, since what it
 * keeps may be what lets them in with the next request: the session must be theirs, or nobody could
 * revoke it. */
#ifndef SECSESSION_ADOPT_H
#define SECSESSION_ADOPT_H

#include <httpd.h>

/* check_authn, before any module checks credentials: notes the moment of the database, so that a
 * revocation which commits during the check refuses the login (I2). Always DECLINED. */
int secsession_adopt_prepare(request_rec *r);

/* fixups, when the user is known: gives the user a session or, if the session that the browser
 * presented has ended, makes the user authenticate again. DECLINED, or the status to answer
 * with. */
int secsession_adopt_fixup(request_rec *r);

#endif
