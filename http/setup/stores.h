/* Which servers and virtual hosts share which store. */
#ifndef SECSESSION_STORES_H
#define SECSESSION_STORES_H

#include <httpd.h>

/* Gives every server in use its store; servers with one database share one. `has_vaults`:
 * sessions keep something even where no SecSessionVault says so. OK, or an error that stops
 * httpd. */
int secsession_stores_create(apr_pool_t *pool, server_rec *server, int has_vaults);

/* Starts the stores of this child. */
void secsession_stores_child_init(apr_pool_t *pool, server_rec *server);

#endif
