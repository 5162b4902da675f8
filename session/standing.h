/* The cookies that the Set-Cookie fields of one response leave in a browser. An application may set
 * a cookie and remove it again, or the reverse, in one response: the last field counts
 * (RFC 6265bis, 5.7). Pure, like jar.h. */
#ifndef SECSESSION_STANDING_H
#define SECSESSION_STANDING_H

#include "session/jar.h"

/* Those of `fields` (const char *, in the order of the response) that set a cookie which the
 * browser has afterwards, in that order. If `is_with_removed`, those that remove a cookie as well,
 * and those that no browser obeys, unless the browser has one of this name afterwards. Strings are
 * those of `fields`; the array is allocated from `pool`. */
apr_array_header_t *secsession_standing(apr_pool_t *pool, const apr_array_header_t *fields,
                                        const secsession_asker_t *asker, apr_int64_t now,
                                        int is_with_removed);

#endif
