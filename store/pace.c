/* The size of the next batch. */
#include "store/pace.h"

apr_size_t secsession_pace(apr_size_t size, apr_size_t most, apr_interval_time_t took,
                           apr_interval_time_t too_long)
{
    if (took > too_long) {
        return size > 1 ? size / 2 : 1;
    }
    if (took > too_long / 4) {
        return size;
    }
    return size > most / 2 ? most : size * 2;
}
