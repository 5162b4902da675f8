/* The field of a form that says who logs in, where the application and not this module reads the
 * form. Whoever sends it knows one password, and must not make this module read another name than
 * the application does: a form that two programs could read in two ways has no such field. Needs
 * APR alone, so that it can be tested and fuzzed alone.
 */
#ifndef SECSESSION_FIELDS_H
#define SECSESSION_FIELDS_H

#include <apr_pools.h>

/* Whether a Content-Type (which may be NULL) is application/x-www-form-urlencoded, whatever its
 * parameters: what our own pages send. */
int secsession_fields_is_form(const char *type);

/* Whether it is that in UTF-8, and nothing that an application could take for anything else. */
int secsession_fields_are_urlencoded(const char *type);

/* The value of the field `name` of a urlencoded form, decoded, in `pool`. NULL if there is none,
 * or another that an application might take for it with another value, or a name or the value is
 * encoded wrongly or holds a NUL. */
const char *secsession_fields_only(apr_pool_t *pool, const char *form, const char *name);

/* Whether a query string (which may be NULL) gives the field a different value, or may do so. */
int secsession_fields_contradict(apr_pool_t *pool, const char *query, const char *name,
                                 const char *value);

/* Whether an application might take a field's name, decoded, for `name`: PHP makes one of "a b",
 * "a.b", "a[b" and "a_b", and drops what is in front of a name or behind a bracket; others know
 * no case. */
int secsession_fields_is_same(const char *found, const char *name);

#endif
