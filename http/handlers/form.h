/* Forms, as browsers send them: application/x-www-form-urlencoded. */
#ifndef SECSESSION_FORM_H
#define SECSESSION_FORM_H

#include <httpd.h>

/* Reads the body of a POST into *form (in r->pool). OK, or the status to answer with: 413 beyond
 * `limit` bytes, 415 if it is not a form, 400 if it breaks off. */
int secsession_form_read(request_rec *r, apr_size_t limit, char **form);

/* The first value called `name` in a form or query string (which may be NULL), decoded, in `pool`.
 * NULL if there is none, or it is encoded wrongly or holds a NUL. */
char *secsession_form_get(apr_pool_t *pool, const char *form, const char *name);

#endif
