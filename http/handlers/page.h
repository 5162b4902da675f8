/* Our pages for logging in and out. They are plain HTML and need neither JavaScript nor other
 * files. */
#ifndef SECSESSION_PAGE_H
#define SECSESSION_PAGE_H

#include "http/request/context.h"

/* What is filled into the login page; NULL: nothing. */
typedef struct {
    const char *message;
    const char *user;
    const char *target; /* the path to return to after the login */
    const char *again;  /* "1": the user of the current session authenticates once more */
} secsession_login_page_t;

/* Sends the login page with `status`. This is the file that the request maps to, with {{message}},
 * {{username}}, {{return}} and {{again}} filled in; if there is none, it is our own page, on which
 * users can choose to stay signed in if SecSessionRemember allows it. Always OK. */
int secsession_page_send_login(const secsession_here_t *here, int status,
                               const secsession_login_page_t *page);

/* Sends the page that asks whether to log out. Always OK. */
int secsession_page_send_logout(request_rec *r);

/* Sends, in place of a page of ours that browsers do not show in a frame, a small one with a link
 * that opens it in the whole window; `title` says what for, `message` (which may be NULL) why. If
 * `anywhere` is not set, only pages of our own origin can frame it. Always OK. */
int secsession_page_send_framed(request_rec *r, const char *title, const char *message,
                                int anywhere);

#endif
