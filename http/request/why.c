/* The words for the ends of sessions. */
#include "http/request/why.h"

#include <apr_strings.h>
#include <string.h>

/* No token begins like this: it has no dot. */
#define MARK "ended."

static const struct {
    secsession_outcome_t outcome;
    const char *word;
} WORDS[] = {
    { SECSESSION_IDLE, "idle" },       { SECSESSION_ABSOLUTE, "absolute" },
    { SECSESSION_REVOKED, "revoked" }, { SECSESSION_REUSE, "reuse" },
    { SECSESSION_STALE, "fresh" },     { SECSESSION_MOVED, "moved" },
    { SECSESSION_EVICTED, "evicted" },
};

#define COUNT (sizeof(WORDS) / sizeof(WORDS[0]))

const char *secsession_why_word(secsession_outcome_t outcome)
{
    for (apr_size_t i = 0; i < COUNT; i++) {
        if (WORDS[i].outcome == outcome) {
            return WORDS[i].word;
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
