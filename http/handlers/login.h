/* The handler secsession-login: the login form. */
#ifndef SECSESSION_LOGIN_H
#define SECSESSION_LOGIN_H

#include <httpd.h>

/* GET shows the form; POST checks the password and begins a session (OWASP ASVS 5.0 7.2.4). Returns
 * OK, or the status to answer with. */
int secsession_login_answer(request_rec *r);

#endif
