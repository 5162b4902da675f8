/* The names of users. Whoever has authenticated them, a user has one name here: it stands in the
 * session, is what is counted and revoked, and is what applications are told. */
#ifndef SECSESSION_NAME_H
#define SECSESSION_NAME_H

#include "http/request/context.h"

/* The name of the user whom `text` names at this server: without blanks at its ends, and as
 * SecSessionUserNames says. NULL if it can be no name, see http/parse/text.h. Lives as long as the
 * request. */
const char *secsession_name(const secsession_here_t *here, const char *text);

/* Whether `text` names `user`, which is the name of a user here. */
int secsession_name_is(const secsession_here_t *here, const char *text, const char *user);

#endif
