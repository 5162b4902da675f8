/* The options of a Connection header field (RFC 9110, 7.6.1). */
#ifndef SECSESSION_OPTIONS_H
#define SECSESSION_OPTIONS_H

#include <apr_pools.h>

/* Whether an option is to stay; `data` is what the caller has passed. */
typedef int secsession_option_stays_t(const char *option, void *data);

/* The value of a Connection field without the options that are not to stay: `field` itself if all
 * of them stay, NULL if none does, else a copy allocated from `pool`, in which ", " separates
 * those that are left. Options are separated by whatever mod_proxy takes for a separator (commas,
 * semicolons, blanks), and a quotation mark is a part of an option, so that nobody can hide one in
 * quotes. */
const char *secsession_options_keep(apr_pool_t *pool, const char *field,
                                    secsession_option_stays_t *stays, void *data);

#endif
