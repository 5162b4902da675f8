/* The directives of a Cache-Control field (RFC 9111, 5.2). */
#ifndef SECSESSION_CACHECONTROL_H
#define SECSESSION_CACHECONTROL_H

/* Whether no cache that several users share may store a response with this field: it has no-store
 * or private for the whole response (not for some fields only, as in private="x"), it has nothing
 * that contradicts it (public, s-maxage), and it is written as RFC 9111 says. Whatever is written
 * otherwise, caches understand in different ways. */
int secsession_cachecontrol_is_private(const char *field);

#endif
