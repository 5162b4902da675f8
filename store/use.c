/* When a use is to be written. */
#include "store/use.h"

apr_interval_time_t secsession_use_fine(int idle)
{
    return idle < 100 ? apr_time_from_msec(idle * 10) : APR_USEC_PER_SEC;
}

int secsession_use_is_due(apr_interval_time_t since, int idle, double share_of_idle)
{
    return since >= APR_USEC_PER_SEC && (double)since >= idle * share_of_idle * APR_USEC_PER_SEC;
}

double secsession_use_share(const secsession_use_t *uses, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        if (uses[i].is_early) {
            return 0;
        }
    }
    return SECSESSION_SHARE_OF_IDLE;
}
