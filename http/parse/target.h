/* Where a browser may be sent: only to paths on this host. */
#ifndef SECSESSION_TARGET_H
#define SECSESSION_TARGET_H

#include <apr_pools.h>

#define SECSESSION_TARGET_LENGTH 2048

/* Whether `target` is a path on this host for every browser, however it repairs and resolves what
 * it is given: at most SECSESSION_TARGET_LENGTH printable ASCII bytes, one slash at the start, and
 * in its path no dot segment, no backslash, no ASCII control character, neither as such nor under
 * any number of percent-encodings (OWASP ASVS 5.0 3.7.2). NULL is none. */
int secsession_target_is_local(const char *target);

#endif
