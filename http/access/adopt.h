/* Users whom another AuthType has authenticated (Basic, OpenID Connect, a client certificate
 * ...) get a session where SecSessionAdopt is On. */
#ifndef SECSESSION_ADOPT_H
#define SECSESSION_ADOPT_H

#include <httpd.h>

/* check_authn, before any module checks credentials: notes the moment from which a revocation
 * refuses what may become of them (I2). Always DECLINED. */
int secsession_adopt_prepare(request_rec *r);

/* fixups, when the user is known: gives the user a session, or has the user authenticate again if
 * the one that the browser presented has ended. */
int secsession_adopt_fixup(request_rec *r);

#endif
