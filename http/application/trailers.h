/* The trailers of proxied responses: of all fields of a response the only ones that come after its
 * output filters have seen it. */
#ifndef SECSESSION_TRAILERS_H
#define SECSESSION_TRAILERS_H

#include <httpd.h>

/* Registers the filter; to be called once, in register_hooks(). */
void secsession_trailers_register(void);

/* insert_filter: adds the filter that removes from the trailers of a proxied response what only
 * this module may send, and all cookies. */
void secsession_trailers_insert(request_rec *r);

#endif
