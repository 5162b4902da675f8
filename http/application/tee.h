/* A copy of the form that a browser posts, made while the application reads it. */
#ifndef SECSESSION_TEE_H
#define SECSESSION_TEE_H

#include <httpd.h>

#include "http/request/context.h"

/* Registers the input filter; once, in register_hooks. */
void secsession_tee_register(void);

/* From here on what the handler reads of the request's body is copied, up to 64 KiB. */
void secsession_tee_insert(const secsession_here_t *here);

/* A field of the form, urlencoded or multipart/form-data, from what was copied. NULL if it is
 * not there; if the form is longer; or if the application may have read another value, from the
 * query too: see http/parse/fields.h. */
const char *secsession_tee_field(const secsession_here_t *here, const char *name);

#endif
