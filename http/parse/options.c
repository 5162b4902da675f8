/* Removes options from a Connection field. Uses nothing but APR's pools, so that it can be tested
 * and fuzzed on its own. */
#include "http/parse/options.h"

#include <apr_strings.h>
#include <string.h>

#define SEPARATORS ",; \t\r\n\v\f"

const char *secsession_options_keep(apr_pool_t *pool, const char *field,
                                    secsession_option_stays_t *stays, void *data)
{
    /* Each option but the last has a separator behind it, in whose place ", " may need one byte
     * more. */
    char *kept = apr_palloc(pool, 2 * strlen(field) + 1), *end = kept;
    int is_changed = 0;

    for (const char *at = field + strspn(field, SEPARATORS); *at; at += strspn(at, SEPARATORS)) {
        apr_size_t length = strcspn(at, SEPARATORS);

        if (stays(apr_pstrmemdup(pool, at, length), data)) {
            end = end > kept ? stpcpy(end, ", ") : end;
            memcpy(end, at, length);
            end += length;
        } else {
            is_changed = 1;
        }
        at += length;
    }
    *end = '\0';
    if (!is_changed) {
        return field;
    }
    return end > kept ? kept : NULL;
}
