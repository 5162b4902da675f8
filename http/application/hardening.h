/* What SecSessionHarden and its like want of a location. */
#ifndef SECSESSION_HARDENING_H
#define SECSESSION_HARDENING_H

#include "http/request/context.h"

#define SECSESSION_HARDEN_URLS (SECSESSION_HARDEN_STRIP | SECSESSION_HARDEN_REFUSE)

typedef struct {
    int parts;                        /* of SecSessionHarden */
    const char *const *names;         /* of session ids in URLs; the last one is NULL */
    const apr_array_header_t *except; /* see SecSessionHarden; NULL: it does not say */
} secsession_hardening_t;

/* What is wanted of this location; names are allocated from `pool`. */
secsession_hardening_t secsession_hardening_of(apr_pool_t *pool,
                                               const secsession_location_config_t *location);

/* What is wanted of any of the locations through which the request has been redirected: an error
 * page at another location is sent with the cookies of the application that failed. */
secsession_hardening_t secsession_hardening_of_all(const secsession_here_t *here);

#endif
