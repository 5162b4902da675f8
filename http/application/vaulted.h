/* Which cookies belong into the vault, in responses and in requests: those whose names
 * SecSessionVault gives, and with "httponly" all that no script of the application may read. */
#ifndef SECSESSION_VAULTED_H
#define SECSESSION_VAULTED_H

#include "http/request/context.h"

/* For whom the cookies of a jar are chosen, and who sets them: the address that the client has
 * asked for. Strings live in the pool of the request. */
secsession_asker_t secsession_vaulted_asker(request_rec *r);

/* Whether cookies are kept at this location: not where SecSession is Off, since there is no session
 * to keep them in. */
int secsession_vaulted_is_on(const secsession_here_t *here);

/* Whether the cookie of this Set-Cookie field belongs into the vault of this location, so that no
 * client may get it. What the field shows of the application's cookies is learnt. */
int secsession_vaulted_takes(const secsession_here_t *here, const char *field);

/* A Cookie field of a client without what belongs into the vault, in the pool of the request; NULL
 * if nothing is left. `has_kept`: cookies of the vault go with this request. */
const char *secsession_vaulted_without(const secsession_here_t *here, const char *field,
                                       int has_kept);

#endif
