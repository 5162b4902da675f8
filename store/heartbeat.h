/* Heartbeats: with each the database is told which sessions were used, and tells what has changed
 * since the one before. Each function returns 0 when the connection is of no more use, see
 * listening.h.
 */
#ifndef SECSESSION_HEARTBEAT_H
#define SECSESSION_HEARTBEAT_H

#include "store/listening.h"

/* The first one on a connection, which renews no lease: from here on every change is heard. */
int secsession_heartbeat_begin(secsession_listener_t *listener);

/* One heartbeat, with the uses that are due. Renews the lease, once what the listener awaits has
 * been heard. */
int secsession_heartbeat_beat(secsession_listener_t *listener);

/* If the cache was emptied or is given up: tells the database of every use that only the cache
 * knows of, until that moment at the latest. */
int secsession_heartbeat_flush(secsession_listener_t *listener, apr_time_t until);

#endif
