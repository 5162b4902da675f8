/* Names and passwords, checked by httpd's own authentication providers. */
#ifndef SECSESSION_PASSWORD_H
#define SECSESSION_PASSWORD_H

#include <httpd.h>

#include "session/stamp.h"

typedef enum {
    SECSESSION_PASSWORD_RIGHT,
    SECSESSION_PASSWORD_WRONG,  /* or no such user: the same work, the same answer */
    SECSESSION_PASSWORD_UNKNOWN /* a provider failed, which it has logged */
} secsession_password_t;

/* Before the children are forked: the memory in which they share how much work a password is. */
apr_status_t secsession_password_init(apr_pool_t *pool);

/* Asks the providers of SecSessionAuthProvider in their order, as mod_auth_basic does. Where
 * none knows the user, as much work is done as for a known one (OWASP ASVS 5.0 6.3.8). A
 * provider may correct *user (LDAP). r->user is left as it was. Of the right password, *stamp is
 * that of the record by which it was found right, or NULL. */
secsession_password_t secsession_password_check(request_rec *r, const char **user,
                                                const char *password,
                                                const secsession_stamp_t **stamp);

/* As much work as that, for a name that no provider need be asked about, since it cannot be one. */
secsession_password_t secsession_password_refuse(request_rec *r, const char *password);

#endif
