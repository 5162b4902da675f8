/* The stores of the servers and virtual hosts. */
#ifndef SECSESSION_STORES_H
#define SECSESSION_STORES_H

#include <httpd.h>

/* check_config, after secsession_config_check(): servers with the same database share a store, and
 * must agree on everything that belongs to it. Returns OK, or an error that stops httpd and has
 * been logged. */
int secsession_stores_check(server_rec *server);

/* post_config: gives every server in use its store, which lives as long as `pool`; servers with
 * the same database share one. `has_vaults`: sessions need a
 * vault even if there is no SecSessionVault, as they do for mod_session. Returns OK, or an error
 * that stops httpd and has been logged. */
int secsession_stores_create(apr_pool_t *pool, server_rec *server, int has_vaults);

/* child_init: opens the stores for this child process. */
void secsession_stores_child_init(apr_pool_t *pool, server_rec *server);

#endif
