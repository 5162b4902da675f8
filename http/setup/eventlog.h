/* SecSessionLog: events of the audit trail, a line of JSON each, in a file or through httpd's
 * piped logs. */
#ifndef SECSESSION_EVENTLOG_H
#define SECSESSION_EVENTLOG_H

#include <httpd.h>

#include "store/sink.h"

/* Opens a log, before privileges are given up, for as long as `pool` lives: a file, relative to
 * the ServerRoot, "|program", or "|$command of the shell". NULL: it cannot be opened, which has
 * been logged. */
const secsession_sink_t *secsession_eventlog_open(apr_pool_t *pool, server_rec *server,
                                                  const char *where);

#endif
