/* What we add to responses, and take out of them, whoever made them. */
#ifndef SECSESSION_RESPONSE_H
#define SECSESSION_RESPONSE_H

#include <httpd.h>

/* Registers the output filter; once, in register_hooks. */
void secsession_response_register(void);

/* insert_filter and insert_error_filter: has the response's headers looked over. */
void secsession_response_insert(request_rec *r);

#endif
