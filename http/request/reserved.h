/* What only we may say: header fields that begin with "SecSession-", and cookies of our name. */
#ifndef SECSESSION_RESERVED_H
#define SECSESSION_RESERVED_H

#include "http/request/context.h"

/* Whether a header field may be ours: its name begins with "SecSession-", in any case, and with
 * whatever character CGI turns into the same "_". */
int secsession_reserved_is_field(const char *name);

/* Whether two names of header fields are one to CGI and its like (RFC 3875, 4.1.18). */
int secsession_reserved_is_same(const char *one, const char *other);

/* Takes the fields that are ours out of a request. */
void secsession_reserved_strip_request(request_rec *r);

/* Takes out every field of a request whose name is the same as `name` to CGI and its like. */
void secsession_reserved_strip_name(request_rec *r, const char *name);

/* Takes out of a response what is ours: the fields, and Set-Cookie fields of our cookie. */
void secsession_reserved_strip_response(const secsession_here_t *here);

/* The same of a response's trailers, where no cookie is set at all. */
void secsession_reserved_strip_trailers(const secsession_here_t *here);

/* Whether this Set-Cookie field sets our cookie. */
int secsession_reserved_is_set_by(const secsession_here_t *here, const char *field);

#endif
