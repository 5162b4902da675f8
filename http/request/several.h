/* A request with several cookies of our name and different values: the cookie's Domain or Path has
 * been changed, another server sets one of the same name, or somebody has planted one. */
#ifndef SECSESSION_SEVERAL_H
#define SECSESSION_SEVERAL_H

#include "http/request/context.h"

/* Chooses the value that is to be looked up as if it had come alone; the context has its token
 * then. That is so if all values that stand for a live session stand for the same one, and one of
 * them is its current token or the only one. Else the context has no token: nothing is live; or it
 * is not plain, and the cookies are useless; or the outcome is SECSESSION_UNAVAILABLE. Each value
 * costs at most two SQL statements; one that is no token of ours costs none. None of them is a use
 * of the session, nor taken for the reuse of a retired token. */
void secsession_several_choose(const secsession_here_t *here);

#endif
