/* SecSessionLog: the events of the audit trail, as one line of JSON each, in a file or a piped
 * log. */
#ifndef SECSESSION_EVENTLOG_H
#define SECSESSION_EVENTLOG_H

#include <httpd.h>

#include "store/sink.h"

/* Opens a log for as long as `pool` lives; call this in post_config, before httpd gives up its
 * privileges. `where` is the path of a file, relative to the ServerRoot, or "|program", or
 * "|$command of the shell". NULL: it cannot be opened, which has been logged. */
const secsession_sink_t *secsession_eventlog_open(apr_pool_t *pool, server_rec *server,
                                                  const char *where);

#endif
