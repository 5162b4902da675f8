/* libpq's connection strings, and what this module adds to those of the administrator. */
#ifndef SECSESSION_CONNINFO_H
#define SECSESSION_CONNINFO_H

#include <apr_pools.h>

/* `params` (key=value or a URI) with the settings by which a TCP connection to a host that is gone,
 * or that a firewall has dropped, is noticed soon: keepalives_idle, keepalives_interval,
 * keepalives_count and tcp_user_timeout. What is written in it stays as it is; where it names a
 * service, whose file may have the settings, none is added. `name` is the application_name,
 * whatever else was written there; NULL: what was written. In `pool`. */
const char *secsession_conninfo_complete(apr_pool_t *pool, const char *params, const char *name);

#endif
