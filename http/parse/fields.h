/* The field with the user's name in a login form that the application reads, not this module. An
 * attacker who knows one password must not be able to make this module read another name than the
 * application does. Therefore a form that two programs could read in two ways counts as a form
 * without this field.
 */
#ifndef SECSESSION_FIELDS_H
#define SECSESSION_FIELDS_H

#include <apr_pools.h>

/* Whether a Content-Type (which may be NULL) is application/x-www-form-urlencoded, with any
 * parameters. This is what our own pages send. */
int secsession_fields_is_form(const char *type);

/* Whether a Content-Type is application/x-www-form-urlencoded without any parameter but
 * charset=utf-8, so that no application can take it for another type. */
int secsession_fields_are_urlencoded(const char *type);

/* The same of application/json. */
int secsession_fields_are_json(const char *type);

/* The decoded value of the field `name` of a urlencoded form, allocated from `pool`. NULL if the
 * form has no such field, if it has another one which an application might take for it and which
 * has another value, or if a name or the value is not encoded correctly or contains a NUL. NULL
 * also if there is a brace, which browsers encode: many programs read JSON whatever its type is
 * said to be. */
const char *secsession_fields_only(apr_pool_t *pool, const char *form, const char *name);

/* Whether no application can find the field `name` in a urlencoded form. */
int secsession_fields_lack(apr_pool_t *pool, const char *form, const char *name);

/* Whether an application might read another value for the field `name` from a query string (which
 * may be NULL) than `value`. */
int secsession_fields_contradict(apr_pool_t *pool, const char *query, const char *name,
                                 const char *value);

/* Whether a program that takes any text for a urlencoded form might find the field `name` in it. */
int secsession_fields_are_there(apr_pool_t *pool, const char *text, const char *name);

/* Whether an application might take `found`, the decoded name of a field, for `name`. To PHP
 * "a b", "a.b", "a[b" and "a_b" are the same name, and it drops blanks before a name and whatever
 * follows a closing bracket. Other applications ignore case. */
int secsession_fields_is_same(const char *found, const char *name);

#endif
