/* What a backend writes to the connection itself, past the output filters of a response: the 101
 * and the data of a WebSocket. Other interim responses are in interim.h. */
#ifndef SECSESSION_TUNNEL_H
#define SECSESSION_TUNNEL_H

#include <httpd.h>

/* Registers the filters; to be called once, in register_hooks(). */
void secsession_tunnel_register(void);

/* handler, between that of httpd which itself changes to another protocol and that of mod_proxy: if
 * the client asks for another protocol, the connection is watched until the request ends. Whatever
 * the backend answers past the filters of the response must be a head of HTTP/1, from which what
 * only this module may send is removed. A tunnel is closed when its session ends. Always
 * DECLINED. */
int secsession_tunnel_prepare(request_rec *r);

/* The response to this request passes the filters of responses, so that nothing of it need be
 * watched on its connection. To be called before its first byte is sent. */
void secsession_tunnel_note_ordinary(const request_rec *r);

#endif
