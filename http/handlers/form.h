/* Forms as browsers send them, as application/x-www-form-urlencoded. */
#ifndef SECSESSION_FORM_H
#define SECSESSION_FORM_H

#include <httpd.h>

/* Reads the body of a POST into *form, which is allocated from r->pool. Returns OK, or the status
 * to answer with: 413 if it has more than `limit` bytes, 415 if it is not a form, 400 if it is
 * incomplete or contains a NUL. */
int secsession_form_read(request_rec *r, apr_size_t limit, char **form);

/* The first value with the name `name` in a form or query string (which may be NULL), decoded and
 * allocated from `pool`. NULL if there is none, or if it is not encoded correctly or contains a
 * NUL. */
char *secsession_form_get(apr_pool_t *pool, const char *form, const char *name);

#endif
