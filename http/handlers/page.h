/* Our pages. Plain HTML that needs neither scripts nor other files. */
#ifndef SECSESSION_PAGE_H
#define SECSESSION_PAGE_H

#include "http/request/context.h"

/* What the login page says besides its form; NULL: nothing. */
typedef struct {
    const char *message;
    const char *user;
    const char *target; /* where to go afterwards */
    const char *again;  /* "1": the user of the session confirms that it is still them */
} secsession_login_page_t;

/* Sends the login page with `status`: the file that the request maps to if there is one, with
 * {{message}}, {{username}}, {{return}} and {{again}} filled in, else our own, which offers to stay
 * signed in where SecSessionRemember does. */
int secsession_page_send_login(const secsession_here_t *here, int status,
                               const secsession_login_page_t *page);

/* Sends the page that asks whether to log out. */
int secsession_page_send_logout(request_rec *r);

#endif
