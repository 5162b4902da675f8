/* A copy of the form that a browser posts, which is made while the application reads it. */
#ifndef SECSESSION_TEE_H
#define SECSESSION_TEE_H

#include <httpd.h>

#include "http/request/context.h"

/* Registers the input filter; to be called once, in register_hooks(). */
void secsession_tee_register(void);

/* Adds the filter to the request: up to 64 KiB of the body are copied when the handler reads it. */
void secsession_tee_insert(const secsession_here_t *here);

/* The value of a field of the form, whether urlencoded, multipart/form-data or JSON, from the copy;
 * allocated from the pool of the request. NULL if there is no such field, if the body is longer
 * than the copy, or if the application may have read another value, also from the query string:
 * see http/parse/fields.h. */
const char *secsession_tee_field(const secsession_here_t *here, const char *name);

/* Whether no application can find the field in the request: the form is urlencoded or JSON. */
int secsession_tee_lacks(const secsession_here_t *here, const char *name);

#endif
