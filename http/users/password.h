/* Checks user names and passwords by httpd's own authentication providers. */
#ifndef SECSESSION_PASSWORD_H
#define SECSESSION_PASSWORD_H

#include <httpd.h>

#include "session/stamp.h"

typedef enum {
    SECSESSION_PASSWORD_RIGHT,
    SECSESSION_PASSWORD_WRONG,  /* or there is no such user, which must not be noticeable */
    SECSESSION_PASSWORD_UNKNOWN /* a provider failed and has logged why */
} secsession_password_t;

/* post_config: creates the shared memory in which the children note how much work the costliest
 * check of a password was. It lives as long as `pool`. */
apr_status_t secsession_password_init(apr_pool_t *pool);

/* Asks the providers of SecSessionAuthProvider in order, as mod_auth_basic does. If the password is
 * wrong, as much work is done as for the costliest hash that was met since httpd was started, and
 * if there is no such user, too (OWASP ASVS 5.0 6.3.8). A provider may
 * correct *user, as LDAP does. r->user is left unchanged. If the password is right, *stamp is the
 * stamp of the record by which it was checked, or NULL. Results live as long as the request. */
secsession_password_t secsession_password_check(request_rec *r, const char **user,
                                                const char *password,
                                                const secsession_stamp_t **stamp);

/* Refuses a text that cannot be a user name, so that no provider needs to be asked, with as much
 * work as a check. */
secsession_password_t secsession_password_refuse(void);

#endif
