/* What we add to responses, and take out of them, whoever made them. */
#ifndef SECSESSION_RESPONSE_H
#define SECSESSION_RESPONSE_H

#include <httpd.h>

/* Registers the output filter; once, in register_hooks. */
void secsession_response_register(void);

/* insert_filter and insert_error_filter: has the response's headers looked over. */
void secsession_response_insert(request_rec *r);

/* Takes out what nobody but us may send: fields that begin with "SecSession-", and our cookie. */
void secsession_response_strip(request_rec *r);

/* The same of a response's trailers, where no cookie is set at all. */
void secsession_response_strip_trailers(request_rec *r);

/* Whether this Set-Cookie field sets our cookie. */
int secsession_response_sets_ours(request_rec *r, const char *field);

/* Answers 503 with Retry-After: the database gave no answer (never another status: I4). */
int secsession_response_unavailable(request_rec *r);

/* Marks an answer of our own as not to be stored by any cache. */
void secsession_response_no_store(request_rec *r);

#endif
