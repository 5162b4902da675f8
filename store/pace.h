/* How much to do at once, so that nothing behind it is delayed: on a busy disk a large table is
 * slow.
 */
#ifndef SECSESSION_PACE_H
#define SECSESSION_PACE_H

#include <apr_time.h>

/* The size of the next batch, from 1 to `most`, after one of `size` has taken so long: half of it
 * if that was longer than `too_long`, twice as much if it was shorter than a quarter of it. */
apr_size_t secsession_pace(apr_size_t size, apr_size_t most, apr_interval_time_t took,
                           apr_interval_time_t too_long);

#endif
