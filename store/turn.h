/* Whose turn it is, of all children of a server: a lock that the kernel frees when its process
 * dies, and which outlives a restart, so that a child from before it and one from after it never
 * both have their turn.
 */
#ifndef SECSESSION_TURN_H
#define SECSESSION_TURN_H

#include <apr_proc_mutex.h>
#include <httpd.h>

/* The lock of this name, which is made where there is none yet; before the children are forked. The
 * error of apr_proc_mutex_create. */
apr_status_t secsession_turn_create(apr_proc_mutex_t **turn, server_rec *server, const char *name);

#endif
