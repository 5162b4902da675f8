/* The uses of sessions that the database is told of, and when: often enough that no server takes a
 * session for idle too early, and no oftener.
 */
#ifndef SECSESSION_USE_H
#define SECSESSION_USE_H

#include <apr_time.h>
#include <apr_uuid.h>

/* The use of a session is written at most once in this share of its idle timeout. */
#define SECSESSION_SHARE_OF_IDLE 0.1

/* The use of a session that the database does not know of yet. */
typedef struct {
    char id[APR_UUID_FORMATTED_LENGTH + 1];
    apr_time_t seen; /* monotonic */
    apr_time_t known;
    apr_size_t slot;
    int is_early; /* the database may find that it need not know of it yet */
} secsession_use_t;

/* How exactly the last use of a session is noted that has this idle timeout, in seconds. */
apr_interval_time_t secsession_use_fine(int idle);

/* Whether a later use is to be written where the last one that the database knows of is so long
 * ago: so much of the idle timeout, in seconds, and a second at least. */
int secsession_use_is_due(apr_interval_time_t since, int idle, double share_of_idle);

/* How often the database is to write these: a share of the idle timeouts of the sessions, which it
 * knows; at once if some are early, since it does not know those of locations. */
double secsession_use_share(const secsession_use_t *uses, apr_size_t count);

#endif
