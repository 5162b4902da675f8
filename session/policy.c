/* Compares the ages of a session with its limits. */
#include "session/policy.h"

/* In milliseconds; 0: no limit. */
static apr_int64_t shorter(int own, int location)
{
    int limit = own;

    if (location > 0 && (limit == 0 || location < limit)) {
        limit = location;
    }
    return limit > 0 ? (apr_int64_t)limit * 1000 : 0;
}

/* The last use may be so much later than it was noted. */
static apr_int64_t with_grant(apr_int64_t limit_ms)
{
    return limit_ms > 0 && limit_ms < 100000 ? limit_ms + 1000 : limit_ms + limit_ms / 100;
}

static int is_over(apr_int64_t age_ms, apr_int64_t limit_ms)
{
    return limit_ms > 0 && age_ms >= limit_ms;
}

secsession_outcome_t secsession_policy_check(const secsession_session_t *session,
                                             const secsession_limits_t *location)
{
    if (is_over(session->age_ms, shorter(session->limits.absolute, location->absolute))) {
        return SECSESSION_ABSOLUTE;
    }
    if (is_over(session->idle_ms, with_grant(shorter(session->limits.idle, location->idle)))) {
        return SECSESSION_IDLE;
    }
    return SECSESSION_LIVE;
}
