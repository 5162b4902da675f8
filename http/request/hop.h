/* What a client says about the message itself, and not to the application: the options of its
 * Connection field (RFC 9110, 7.6.1) and the trailers behind its body (6.5). A proxy removes the
 * fields that the former name, and MergeTrailers adds the latter to the fields of the request. So
 * neither may concern what httpd itself tells an application. */
#ifndef SECSESSION_HOP_H
#define SECSESSION_HOP_H

#include <httpd.h>

/* Registers the filter; to be called once, in register_hooks(). */
void secsession_hop_register(void);

/* post_read_request: removes options that are none of the client's from the Connection field, and
 * adds an input filter that removes such fields from trailers. Always DECLINED. */
int secsession_hop_arrive(request_rec *r);

#endif
