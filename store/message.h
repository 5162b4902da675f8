/* What the feed hears from the database and tells it, as text. For listener.c. */
#ifndef SECSESSION_MESSAGE_H
#define SECSESSION_MESSAGE_H

#include "store/cache.h"

/* Does what a notification says (store/sql/230-tell-servers.sql): keys of 16 hexadecimal digits, with
 * a space between, are not believed any more; whatever else it says: nothing is. */
void secsession_message_obey(secsession_cache_t *cache, const char *message);

/* `count` uses as two arrays in PostgreSQL's text form, in `pool`: the ids of the sessions, and how many
 * milliseconds before `now` (monotonic) each was used last. */
void secsession_message_uses(apr_pool_t *pool, const secsession_use_t *uses, apr_size_t count,
                             apr_time_t now, const char **ids, const char **ages);

#endif
