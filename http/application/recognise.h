/* Logins and logouts that the application does not tell: SecSessionLoginWhen,
 * SecSessionLogoutWhen and SecSessionLoginTry. */
#ifndef SECSESSION_RECOGNISE_H
#define SECSESSION_RECOGNISE_H

#include "http/request/context.h"

/* What a response shows. All strings live as long as the request. */
typedef struct {
    const char *user;  /* who has logged in, as the application or the form writes it; or NULL */
    const char *wrong; /* what makes no sense in it, to follow "the application at ..."; or NULL */
    int log_out;
    int takes_name; /* the application has taken a name, and asks for more */
} secsession_recognised_t;

/* Evaluates the expressions of this location over the request and its response. They see the
 * Set-Cookie fields that count when the response has been read to its end (session/standing.h):
 * only SecSessionLogoutWhen sees those that are removed. */
secsession_recognised_t secsession_recognise(const secsession_here_t *here);

#endif
