/* The interim responses (1xx) of proxied applications: httpd writes their header fields to the
 * connection without showing them to its modules, so that these are cleaned there. */
#ifndef SECSESSION_INTERIM_H
#define SECSESSION_INTERIM_H

#include <httpd.h>

/* Registers the output filter; to be called once, in register_hooks(). */
void secsession_interim_register(void);

/* fixups, at the end: has the interim responses of an application that is proxied here cleaned.
 * What a subrequest gets is not passed on, since the response around it has begun. Always
 * DECLINED. */
int secsession_interim_prepare(request_rec *r);

/* Whether mod_proxy will answer this request. */
int secsession_interim_is_proxied(const request_rec *r);

#endif
