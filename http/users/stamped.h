/* SecSessionCredentialStamp: a session ends when the password by which its user logged in
 * changes. */
#ifndef SECSESSION_STAMPED_H
#define SECSESSION_STAMPED_H

#include <httpd.h>

#include "session/session.h"
#include "session/stamp.h"

/* Stamps the record that a provider ("file" or "dbd") has of a user at this location. Call this
 * before the password is checked, so that no change in between goes unnoticed. The stamp is
 * allocated from the pool of the request. NULL: SecSessionCredentialStamp is Off, it is another
 * provider, there is no record, or the record cannot be read, which has been logged. */
const secsession_stamp_t *secsession_stamped_record(request_rec *r, const char *provider,
                                                    const char *user);

/* Compares the stamp of a live session, if it has one, with the record. SECSESSION_LIVE: the record
 * is the same, cannot be read, or need not be compared now. SECSESSION_REVOKED: the record has
 * changed or is gone, and the session has been ended. SECSESSION_UNAVAILABLE: the record has
 * changed, but the session could not be ended. */
secsession_outcome_t secsession_stamped_check(request_rec *r, const secsession_session_t *session);

#endif
