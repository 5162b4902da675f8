/* What the feed hears from the database and what it tells the database, as text. */
#ifndef SECSESSION_MESSAGE_H
#define SECSESSION_MESSAGE_H

#include "store/cache.h"

/* Does what a notification says (store/sql/230-tell-servers.sql): keys of 16 hexadecimal digits,
 * with spaces between them, are not believed any more; if it says anything else, nothing is. */
void secsession_message_obey(secsession_cache_t *cache, const char *message);

/* `count` uses as two arrays in PostgreSQL's text form, in `pool`: the ids of the sessions, and how
 * many milliseconds before `now` (monotonic) each was used last. */
void secsession_message_uses(apr_pool_t *pool, const secsession_use_t *uses, apr_size_t count,
                             apr_time_t now, const char **ids, const char **ages);

#endif
