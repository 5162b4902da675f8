/* Pure decisions about a session: no clock, no I/O, no state. The store brings the ages. */
#ifndef SECSESSION_POLICY_H
#define SECSESSION_POLICY_H

#include "session/session.h"

/* Whether a session that is `idle_ms` past its last request and `age_ms` past its authentication
 * is within both its own limits and `location`'s, which can only shorten them: SECSESSION_LIVE,
 * SECSESSION_ABSOLUTE (which wins if both are over) or SECSESSION_IDLE. A limit is over at the
 * very moment it names; the idle one a hundredth later, and a second at least, as
 * secsession.idle_end() says, because the last use is noted to that. An age below zero (the
 * database's clock was set back) counts as zero. Rules: OWASP ASVS 5.0 7.3.1, 7.3.2. */
secsession_outcome_t secsession_policy_check(const secsession_session_t *session,
                                             const secsession_limits_t *location);

#endif
