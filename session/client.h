/* Who sends a request, as far as the database is told. */
#ifndef SECSESSION_CLIENT_H
#define SECSESSION_CLIENT_H

#include <apr_pools.h>

typedef struct {
    const char *addr;  /* an IP address */
    const char *agent; /* what it calls itself (RFC 9110, 10.1.5), as it was sent; NULL: nothing */
} secsession_client_t;

/* What a client calls itself, for the database: its first 255 bytes, in `pool`, in which every byte
 * that is not printable ASCII is replaced by "?". NULL: nothing. */
const char *secsession_client_agent(const secsession_client_t *client, apr_pool_t *pool);

#endif
