/* libpq's connection strings, and what this module adds to those of the administrator. */
#ifndef SECSESSION_CONNINFO_H
#define SECSESSION_CONNINFO_H

#include <apr_pools.h>

/* `params` (key=value or a URI) with the settings by which a TCP connection to a host that is gone,
 * or that a firewall has dropped, is noticed soon: keepalives_idle, keepalives_interval,
 * keepalives_count and tcp_user_timeout. What is written in it stays as it is, and so do strings
 * that name a service, whose file may have the settings. In `pool`. */
const char *secsession_conninfo_complete(apr_pool_t *pool, const char *params);

#endif
