/* Makes our sessions the store of httpd's mod_session: what mod_auth_form and other modules keep by
 * mod_session is in the vault of our session, and ends with it. mod_session is looked up at run
 * time; if it is not loaded, nothing here has any effect.
 *
 * What mod_session keeps must never name another user than that of our session. Therefore a login
 * by mod_auth_form begins a session for its user, with a new token, and credentials that got there
 * in any other way are not kept. */
#ifndef SECSESSION_MODSESSION_H
#define SECSESSION_MODSESSION_H

#include "http/request/context.h"

/* Registers the output filter; to be called once, in register_hooks(). */
void secsession_modsession_register(void);

/* pre_config, after all modules have been loaded: looks for mod_session and registers our hooks
 * with it. Always OK. */
int secsession_modsession_find(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/* Whether mod_session is loaded. */
int secsession_modsession_is_there(void);

/* Whether Session is On at the location of this request, and what it keeps is kept in our sessions;
 * known after secsession_modsession_check(). */
int secsession_modsession_is_on(const secsession_here_t *here);

/* check_access, before any module asks mod_session who is logged in: answers 503 if Session is On
 * and the database gives no answer, since those modules take an error for "nobody is logged in". */
int secsession_modsession_check(request_rec *r);

/* check_authn and handler, before mod_auth_form reads a login form: note the moment of the
 * database, so that a revocation which commits while the password is checked refuses the login
 * (I2). Always DECLINED. */
int secsession_modsession_prepare(request_rec *r);
int secsession_modsession_prepare_login(request_rec *r);

/* insert_filter and insert_error_filter: adds the filter that replaces a response by an error if
 * what mod_session saved for it could not be kept. */
void secsession_modsession_insert(request_rec *r);

#endif
