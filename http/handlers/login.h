/* The handler secsession-login: the form, and what is done with it. */
#ifndef SECSESSION_LOGIN_H
#define SECSESSION_LOGIN_H

#include <httpd.h>

int secsession_login_answer(request_rec *r);

#endif
