/* What happens first to a request: everything in it that concerns this module is removed. */
#ifndef SECSESSION_ARRIVE_H
#define SECSESSION_ARRIVE_H

#include <httpd.h>

/* post_read_request: creates the context of the request, and removes our cookie and forged header
 * fields before another module can see them. Does not query the database. Always DECLINED. */
int secsession_arrive(request_rec *r);

#endif
