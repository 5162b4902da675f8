/* The directives of a Cache-Control field (RFC 9111, 5.2). */
#ifndef SECSESSION_CACHECONTROL_H
#define SECSESSION_CACHECONTROL_H

#include <apr_pools.h>

/* Whether no cache that several users share may store a response with this field: it has no-store
 * or private for the whole response (not for some fields only, as in private="x"), it has nothing
 * that contradicts it (public, s-maxage), and it is written as RFC 9111 says. Whatever is written
 * otherwise, caches understand in different ways. */
int secsession_cachecontrol_is_private(const char *field);

/* The field for a response that only the browser may keep: private, and what else it says, without
 * public and s-maxage. NULL: it has no-store or private itself, or is not written as RFC 9111
 * says. `lasts`: an Expires field says that the response is fresh for some time, which max-age
 * overrules (RFC 9111, 5.3). Sets *is_for_all: whether the field marks the response as one that
 * everybody may keep, by public or immutable, or because it is fresh for some time, and has no
 * no-cache. The empty field is none. In `pool`. */
const char *secsession_cachecontrol_as_private(apr_pool_t *pool, const char *field, int lasts,
                                               int *is_for_all);

#endif
