/* What this module adds to responses and removes from them, whether an application or httpd made
 * them. */
#ifndef SECSESSION_RESPONSE_H
#define SECSESSION_RESPONSE_H

#include <httpd.h>

/* Registers the output filter; to be called once, in register_hooks(). */
void secsession_response_register(void);

/* insert_filter, just before the handler runs: notes whether it is one of ours that will answer. */
void secsession_response_note_handler(request_rec *r);

/* insert_filter and insert_error_filter: adds the filter to the response. */
void secsession_response_insert(request_rec *r);

#endif
