/* The words for the ends of sessions, and the sentences. */
#include "http/request/why.h"

#include <apr_strings.h>
#include <string.h>

/* No token begins like this: it has no dot. */
#define MARK "ended."

/* What is told with SECSESSION_UNKNOWN is no end of a session. */
static const struct {
    secsession_outcome_t outcome;
    const char *word;
    const char *message;
} WORDS[] = {
    { SECSESSION_IDLE, "idle", "You were not active for a while. Please log in again." },
    { SECSESSION_ABSOLUTE, "absolute",
      "Your session has reached its time limit. Please log in again." },
    { SECSESSION_REVOKED, "revoked",
      "Your session was ended by an administrator. Please log in again." },
    { SECSESSION_MOVED, "moved",
      "Your session was used from another network. Please log in again." },
    { SECSESSION_EVICTED, "evicted",
      "Your session has ended because you have logged in elsewhere. Please log in again." },
    { SECSESSION_REUSE, "reuse",
      "Your session was ended because somebody else may have used it. Please log in again." },
    { SECSESSION_STALE, "fresh", "This page requires a more recent login. Please log in again." },
    { SECSESSION_UNKNOWN, "cookie",
      "You have entered the right password, but your browser has not kept the cookie of "
      "this site, so that you are not logged in. Browsers refuse it if the address "
      "does not begin with https:// or if cookies are switched off." },
    { SECSESSION_UNKNOWN, "user",
      "You are logged in as a user who has no access to that page. To see it, log in as another "
      "user." },
};

#define COUNT (sizeof(WORDS) / sizeof(WORDS[0]))

const char *secsession_why_word(secsession_outcome_t outcome)
{
    for (apr_size_t i = 0; outcome != SECSESSION_UNKNOWN && i < COUNT; i++) {
        if (WORDS[i].outcome == outcome) {
            return WORDS[i].word;
        }
    }
    return NULL;
}

const char *secsession_why_message(const char *word)
{
    for (apr_size_t i = 0; word && i < COUNT; i++) {
        if (strcmp(word, WORDS[i].word) == 0) {
            return WORDS[i].message;
        }
    }
    return NULL;
}

const char *secsession_why_value(apr_pool_t *pool, secsession_outcome_t outcome)
{
    const char *word = secsession_why_word(outcome);

    return word ? apr_pstrcat(pool, MARK, word, NULL) : NULL;
}

secsession_outcome_t secsession_why_read(const char *value)
{
    const apr_size_t length = strlen(MARK);

    for (apr_size_t i = 0; strncmp(value, MARK, length) == 0 && i < COUNT; i++) {
        if (strcmp(value + length, WORDS[i].word) == 0) {
            return WORDS[i].outcome;
        }
    }
    return SECSESSION_UNKNOWN;
}
