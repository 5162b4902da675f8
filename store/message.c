/* Notifications that were heard, and the uses that a heartbeat tells of. */
#include "store/message.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 16
#define LONGEST_AGE 20 /* characters of an apr_int64_t */

void secsession_message_obey(secsession_cache_t *cache, const char *message)
{
    const char *at = message;

    do {
        const char *end = at + strspn(at, "0123456789abcdef"); /* strtoull takes blanks and signs */

        if (end != at + DIGITS || (*end != '\0' && *end != ' ')) {
            secsession_cache_invalidate_all(cache);
            return;
        }
        secsession_cache_invalidate(cache, strtoull(at, NULL, 16));
        at = end + 1;
    } while (at[-1] != '\0');
}

void secsession_message_uses(apr_pool_t *pool, const secsession_use_t *uses, apr_size_t count,
                             apr_time_t now, const char **ids, const char **ages)
{
    char *id = apr_palloc(pool, count * sizeof(uses->id) + 3);
    char *age = apr_palloc(pool, count * (LONGEST_AGE + 1) + 3);

    *ids = id;
    *ages = age;
    *id++ = '{';
    *age++ = '{';
    for (apr_size_t i = 0; i < count; i++) {
        id += apr_snprintf(id, sizeof(uses->id) + 1, "%s%s", i ? "," : "", uses[i].id);
        age += apr_snprintf(age, LONGEST_AGE + 2, "%s%" APR_INT64_T_FMT, i ? "," : "",
                            (now - uses[i].seen) / 1000);
    }
    memcpy(id, "}", 2);
    memcpy(age, "}", 2);
}
