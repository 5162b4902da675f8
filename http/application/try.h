/* SecSessionLoginTry: the name of a user of whom the application has not seen everything yet: a
 * password, a second factor. It is remembered in the vault of the session, under a name that no
 * application can use and in a cookie that is sent to none, until SecSessionLoginWhen confirms it.
 *
 * Nobody may make the application go on with one name and us with another, by requests at once
 * either. So each request that may bring a name leaves a mark in the vault before the application
 * sees it, which becomes the name if the response says so. A login is confirmed only if one name is
 * all that the vault held when its request began, and all that the database has when it ends.
 */
#ifndef SECSESSION_TRY_H
#define SECSESSION_TRY_H

#include "http/request/context.h"

/* What a request knows of names that were tried. */
typedef struct secsession_try_t {
    const char *mark;  /* the cookie of this request, if it may bring a name; else NULL */
    const char *found; /* the cookie that was in the vault at the beginning; NULL: none, several,
                         * or one without a name */
    const char *value; /* what was in it: a moment of the database, and the name */
    const char *user;  /* the name */
    int is_clear;      /* there was no such cookie */
    int is_confirmed;  /* the response logs `user` in */
} secsession_try_t;

/* fixups, once for each request from a client: notes what the vault holds, and leaves the mark.
 * Returns OK, or 503 if it cannot be left. */
int secsession_try_begin(const secsession_here_t *here);

/* The response is there: collects what becomes of the mark for the vault. `is_taken`: the response
 * says that the application has taken a name. */
void secsession_try_end(const secsession_here_t *here, int is_taken);

/* The user whom the response confirms; NULL if there is none, or not only one. */
const char *secsession_try_confirm(const secsession_here_t *here);

/* To be called before a login: checks that nothing has come between a name that was confirmed and
 * the login, and has the names forgotten. Returns OK, 502 (which has been logged) or 503. */
int secsession_try_check(const secsession_here_t *here);

#endif
