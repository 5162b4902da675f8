/* The credentials that mod_auth_form keeps in a session of mod_session: for each AuthName, the
 * entries AuthName-user, AuthName-pw, and perhaps AuthName-site. */
#ifndef SECSESSION_CREDENTIALS_H
#define SECSESSION_CREDENTIALS_H

#include <apr_tables.h>
#include <httpd.h>

#include "http/request/context.h"

/* Whether there are any credentials. */
int secsession_credentials_are_in(const apr_table_t *entries);

/* The user whom mod_auth_form has logged in by a form that this very request has sent, or NULL. A
 * name in r->user proves nothing, since mod_auth_form sets it before it checks the password. */
const char *secsession_credentials_posted(request_rec *r, const apr_table_t *entries);

/* Removes all entries but the credentials of the user with this name, see http/request/name.h
 * (NULL: of nobody). */
void secsession_credentials_keep_only(const secsession_here_t *here, apr_table_t *entries,
                                      const char *user);

/* Removes the credentials of all other users (if `user` is NULL, of all users). Returns whether
 * there were any. */
int secsession_credentials_remove_others(const secsession_here_t *here, apr_table_t *entries,
                                         const char *user);

#endif
