/* Compares the ages of a session with its limits. */
#include "session/policy.h"

/* Compares whole seconds, so that no limit is ever multiplied and none can overflow. */
static int is_over(apr_int64_t age_ms, int own, int location)
{
    int limit = own;

    if (location > 0 && (limit == 0 || location < limit)) {
        limit = location;
    }
    return limit > 0 && age_ms >= 0 && age_ms / 1000 >= limit;
}

secsession_outcome_t secsession_policy_check(const secsession_session_t *session,
                                             const secsession_limits_t *location)
{
    if (is_over(session->age_ms, session->limits.absolute, location->absolute)) {
        return SECSESSION_ABSOLUTE;
    }
    if (is_over(session->idle_ms, session->limits.idle, location->idle)) {
        return SECSESSION_IDLE;
    }
    return SECSESSION_LIVE;
}
