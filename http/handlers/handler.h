/* The handlers that SetHandler knows of this module: secsession-login, -logout, -sessions. */
#ifndef SECSESSION_HANDLER_H
#define SECSESSION_HANDLER_H

#include <httpd.h>

/* Has the one answer that the request is for. */
int secsession_handler_run(request_rec *r);

#endif
