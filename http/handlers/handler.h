/* The handlers of this module for SetHandler: secsession-login, secsession-logout and
 * secsession-sessions. */
#ifndef SECSESSION_HANDLER_H
#define SECSESSION_HANDLER_H

#include <httpd.h>

/* handler: runs the handler that the request is for. DECLINED if it is none of ours. */
int secsession_handler_run(request_rec *r);

#endif
