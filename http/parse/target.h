/* The targets of redirects: a browser is only ever sent to a path on this host. */
#ifndef SECSESSION_TARGET_H
#define SECSESSION_TARGET_H

#include <apr_pools.h>

/* As long as the line of a request may be, if httpd is not told otherwise. */
#define SECSESSION_TARGET_LENGTH 8190

/* Whether every browser takes `target` for a path on this host, however it repairs and resolves
 * URLs (OWASP ASVS 5.0 3.7.2). Such a path has at most SECSESSION_TARGET_LENGTH printable ASCII
 * bytes and exactly one slash at its start; it contains no dot segment, no backslash and no ASCII
 * control character, neither literally nor percent-encoded, however many times. NULL is not a
 * path. */
int secsession_target_is_local(const char *target);

#endif
