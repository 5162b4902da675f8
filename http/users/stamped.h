/* SecSessionCredentialStamp: a session ends when the password changes that it began with. */
#ifndef SECSESSION_STAMPED_H
#define SECSESSION_STAMPED_H

#include <httpd.h>

#include "session/session.h"
#include "session/stamp.h"

/* Stamps the record that a provider ("file", "dbd") has of a user at this location, in the pool
 * of the request; to be called before the password is checked, so that no change in between goes
 * unnoticed. NULL: SecSessionCredentialStamp is Off, the provider is another, or the record
 * cannot be read. */
const secsession_stamp_t *secsession_stamped_record(request_rec *r, const char *provider,
                                                    const char *user);

/* Whether a live session may go on: SECSESSION_LIVE, also where nothing is due or can be found out;
 * SECSESSION_REVOKED: the record has changed or is gone, the session has been ended;
 * SECSESSION_UNAVAILABLE: it has, but the session could not be ended. */
secsession_outcome_t secsession_stamped_check(request_rec *r, const secsession_session_t *session);

#endif
