/* Why a session has ended, as one word: for the login page, and in the cookie in place of the
 * token, so that a page which a script has gone ahead of says it, too. */
#ifndef SECSESSION_WHY_H
#define SECSESSION_WHY_H

#include <apr_pools.h>

#include "session/session.h"

/* The word of docs/directives.md for this outcome; NULL: it has none. */
const char *secsession_why_word(secsession_outcome_t outcome);

/* Whole sentences for such a word, which may be NULL; NULL: it is none. They say no more than the
 * holder of the session's token may know. */
const char *secsession_why_message(const char *word);

/* The value that our cookie gets for this outcome, in `pool`; NULL: none. */
const char *secsession_why_value(apr_pool_t *pool, secsession_outcome_t outcome);

/* The outcome of which the value of a cookie tells; SECSESSION_UNKNOWN: it is not such a value. */
secsession_outcome_t secsession_why_read(const char *value);

#endif
