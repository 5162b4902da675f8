/* A request arrives: what it brings for us is taken out of it. */
#ifndef SECSESSION_ARRIVE_H
#define SECSESSION_ARRIVE_H

#include <httpd.h>

/* post_read_request: makes the context, and takes the cookie and forged headers out of the request
 * before anybody else can see them. Asks no database. Always DECLINED. */
int secsession_arrive(request_rec *r);

#endif
