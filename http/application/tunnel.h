/* What a backend sends that does not pass the output filters of its response: trailers, and the
 * data of a WebSocket. Interim responses are in interim.h. */
#ifndef SECSESSION_TUNNEL_H
#define SECSESSION_TUNNEL_H

#include <httpd.h>

/* Registers the filters; to be called once, in register_hooks(). */
void secsession_tunnel_register(void);

/* fixups, for proxied requests: if the client asks for another protocol, adds
 * filters to the connection that remove from a 101 what only this module may send, and close the
 * tunnel when its session ends. Always DECLINED. */
int secsession_tunnel_prepare(request_rec *r);

/* insert_filter: adds the filter that checks the trailers of a proxied response. */
void secsession_tunnel_insert(request_rec *r);

#endif
