/* Text that came from outside, before it goes into the database. */
#ifndef SECSESSION_TEXT_H
#define SECSESSION_TEXT_H

#include <apr_pools.h>

#define SECSESSION_USER_LENGTH 255

/* Whether `text` can be a user's name: 1 to SECSESSION_USER_LENGTH bytes of valid UTF-8 without
 * control characters. */
int secsession_text_is_user(const char *text);

/* The first `most` bytes of `text` with everything but printable ASCII replaced by "?". */
const char *secsession_text_clean(apr_pool_t *pool, const char *text, apr_size_t most);

#endif
