/* What only this module may set: header fields whose names begin with "SecSession-", and the
 * session cookie. */
#ifndef SECSESSION_RESERVED_H
#define SECSESSION_RESERVED_H

#include "http/request/context.h"

/* What follows in the name of a header field or variable after `prefix`, as programs read it; NULL
 * if it begins otherwise. CGI turns each character that is no letter or digit into the same "_"
 * (RFC 3875, 4.1.18), and PHP drops blanks in front. The case of letters does not matter. */
const char *secsession_reserved_after(const char *name, const char *prefix);

/* Whether the name of a header field or variable begins with "SecSession-" in that sense. */
int secsession_reserved_is_field(const char *name);

/* Whether programs read the name of a header field or variable as `ours`. The name in CGI's
 * environment ends at the first "=", and PHP makes an array of what is before a "[". */
int secsession_reserved_is_same(const char *name, const char *ours);

/* Whether httpd alone tells an application this request field of that name: "SecSession-", the
 * names of SecSessionForward, and Cookie, which has the cookies of the vault. */
int secsession_reserved_is_told(const secsession_server_config_t *server, const char *name);

/* Fields without those for which `is_meant` returns non-zero; `data` is passed on to it. The same
 * table if there are none, else a copy, allocated from `pool`. The time that this takes is linear
 * in the number of fields. */
apr_table_t *secsession_reserved_without(apr_pool_t *pool, apr_table_t *fields,
                                         int (*is_meant)(const char *field, const void *data),
                                         const void *data);

/* Removes from a request the fields that only this module may set. */
void secsession_reserved_strip_request(request_rec *r);

/* Removes every field of a request whose name is the same as `name` to CGI and similar
 * interfaces. */
void secsession_reserved_strip_name(request_rec *r, const char *name);

/* Removes from a response what only this module may send: its header fields, and Set-Cookie fields
 * that set our cookie. */
void secsession_reserved_strip_response(const secsession_here_t *here);

/* The same for the trailers of a response, from which all Set-Cookie fields are removed. */
void secsession_reserved_strip_trailers(const secsession_here_t *here);

/* Whether this Set-Cookie field sets our cookie. */
int secsession_reserved_is_set_by(const secsession_here_t *here, const char *field);

#endif
