/* The names under which programs find a cookie of a Cookie field. Languages do not agree: they
 * separate cookies by commas or blanks, too (Python's http.cookies, CGI.pm), decode "%41" and
 * "%u0041" in names (CGI.pm, PHP before 7.4), put "_" in place of characters (PHP), read "id[a]" as
 * a part of "id" (PHP), and take away blanks of all of Unicode (Python, JavaScript). */
#ifndef SECSESSION_READINGS_H
#define SECSESSION_READINGS_H

#include <apr_pools.h>

/* Whether the cookie of this name is meant; `data` is what the caller has passed. */
typedef int secsession_name_is_meant_t(const char *name, const void *data);

/* Whether any program could find a cookie that is meant in a cookie-pair, [start, end), of a Cookie
 * field that is separated by semicolons; also if it is written in the value of another one. Each
 * name in it is asked for as it is and as it is decoded, and each of these also as PHP changes it.
 * A name before which there is a "=" counts, too: browsers send cookies without a name like that.
 * What is needed is allocated from `pool`, at most twice the length of the pair; the time is linear
 * in that length, apart from the calls of `is_meant`. */
int secsession_readings_any(apr_pool_t *pool, const char *start, const char *end,
                            secsession_name_is_meant_t *is_meant, const void *data);

#endif
