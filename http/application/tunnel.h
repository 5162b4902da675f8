/* What a backend sends past the output filters of its response: interim responses, trailers, and
 * the bytes of a WebSocket. */
#ifndef SECSESSION_TUNNEL_H
#define SECSESSION_TUNNEL_H

#include <httpd.h>

/* Registers the filters; once, in register_hooks. */
void secsession_tunnel_register(void);

/* fixups, of proxied requests: keeps back interim responses, since httpd writes their fields to
 * the connection itself; where the client asks for another protocol, puts filters on the
 * connection that take out of a 101 what nobody but us may send, and close the tunnel when its
 * session ends. */
int secsession_tunnel_prepare(request_rec *r);

/* insert_filter: has the trailers of a proxied response looked over. */
void secsession_tunnel_insert(request_rec *r);

#endif
