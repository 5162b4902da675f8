/* What happens first to a request: everything in it that concerns this module is removed. */
#ifndef SECSESSION_ARRIVE_H
#define SECSESSION_ARRIVE_H

#include <httpd.h>

/* post_read_request: creates the context of the request, and removes our cookie and forged header
 * fields before another module can see them. Does not query the database. Always DECLINED. */
int secsession_arrive(request_rec *r);

/* handler, before httpd itself changes to HTTP/2 because the client has asked for that (Upgrade:
 * h2c): gives the request its Cookie field back, since httpd makes of it the first request of the
 * new protocol, which comes to secsession_arrive() as well. Always DECLINED. */
int secsession_arrive_give_back(request_rec *r);

/* log_transaction, before all modules: takes it away again. Always DECLINED. */
int secsession_arrive_take_back(request_rec *r);

#endif
