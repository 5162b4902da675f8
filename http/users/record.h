/* The records by which httpd's own providers authenticate users: lines of AuthUserFile, and what
 * AuthDBDUserPWQuery finds. Those directives are read along, as mod_authn_file's and
 * mod_authn_dbd's. */
#ifndef SECSESSION_RECORD_H
#define SECSESSION_RECORD_H

#include "http/setup/config.h"

/* A user's record, in the pool of the request: *record, NULL where there is no such user. The
 * error of whatever kept it from being read. */
apr_status_t secsession_record_read(request_rec *r, const secsession_source_t *source,
                                    const char *user, const char **record);

#endif
