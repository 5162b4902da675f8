/* The records by which httpd's own providers authenticate users: the lines of AuthUserFile, and
 * what AuthDBDUserPWQuery returns. This module reads these directives, too, although they belong to
 * mod_authn_file and mod_authn_dbd. */
#ifndef SECSESSION_RECORD_H
#define SECSESSION_RECORD_H

#include "http/setup/config.h"

/* As the provider of a source: an AuthUserFile of AuthType Digest. */
#define SECSESSION_SOURCE_DIGEST "digest"

/* Reads the record of a user. *record is allocated from the pool of the request, and is NULL if
 * there is no such user. *is_certain is 0 if the file is empty or has been written in the last
 * seconds, so that somebody may be writing it now: what is missing or different may be so for this
 * moment only. Returns APR_SUCCESS, or an error if the record could not be read. */
apr_status_t secsession_record_read(request_rec *r, const secsession_source_t *source,
                                    const char *user, const char **record, int *is_certain);

#endif
