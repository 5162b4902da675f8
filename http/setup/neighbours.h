/* What the virtual hosts of one httpd must know of each other: browsers send a cookie to more of
 * them than to the one that set it. */
#ifndef SECSESSION_NEIGHBOURS_H
#define SECSESSION_NEIGHBOURS_H

#include <httpd.h>

/* check_config, once the configuration of each server is complete: gives all servers the names of
 * the cookies of those that are in use, in an array from `pool`. */
void secsession_neighbours_share(apr_pool_t *pool, server_rec *first);

/* check_config, after the other checks: whether the users of each realm are the same people
 * wherever they log in. Two login places of one realm with different users are an error if virtual
 * hosts share the realm by default; else the log warns, also of virtual hosts that do. Returns OK,
 * or an error that stops httpd (and httpd -t) and has been logged. */
int secsession_neighbours_check(apr_pool_t *pool, server_rec *first);

#endif
