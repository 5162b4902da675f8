/* Our sessions behind httpd's mod_session: what the modules built on it keep (mod_auth_form, and
 * others) is in the vault of the session, and ends with it. Where mod_session is not loaded,
 * nothing of this does anything; it is looked for at run time.
 *
 * What mod_session keeps must never name another user than the session's: a login of mod_auth_form
 * binds its user to a new token, and whatever else would bring credentials of somebody is not kept.
 */
#ifndef SECSESSION_MODSESSION_H
#define SECSESSION_MODSESSION_H

#include <httpd.h>

/* Registers the output filter; once, in register_hooks. */
void secsession_modsession_register(void);

/* pre_config, when all modules are loaded: looks for mod_session, and puts our store under it. */
int secsession_modsession_find(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/* Whether mod_session is loaded. */
int secsession_modsession_is_there(void);

/* access_checker, before a module asks mod_session who is logged in: answers 503 where it is on and
 * the database gives no answer, since modules take an error for "nobody is". */
int secsession_modsession_check(request_rec *r);

/* check_authn, and handler, before mod_auth_form reads a login: notes the moment from which a
 * revocation refuses it (I2). Always DECLINED. */
int secsession_modsession_prepare(request_rec *r);
int secsession_modsession_prepare_login(request_rec *r);

/* insert_filter and insert_error_filter: a response that says what could not be kept is
 * replaced. */
void secsession_modsession_insert(request_rec *r);

#endif
