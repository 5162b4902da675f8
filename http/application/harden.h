/* SecSessionHarden corrects weaknesses of applications in their requests and responses: cookies get
 * the attributes that they lack, session ids are removed from URLs or requests with them are
 * refused, and responses get a Referrer-Policy if they have none (OWASP ASVS 5.0 3.3 and 3.4.5). */
#ifndef SECSESSION_HARDEN_H
#define SECSESSION_HARDEN_H

#include "http/request/context.h"

/* pre_translate_name: removes session ids from the URL before it is mapped to a file or a backend.
 * DECLINED, or 403 if the rest of the path would be ambiguous. */
int secsession_harden_request(request_rec *r);

/* header_parser: logs what has been removed, or refuses the request if the location says so. The
 * configuration of <Directory>, <Files> and <Proxy> is not known before this hook. DECLINED, or
 * 403. */
int secsession_harden_check(request_rec *r);

/* Corrects the header fields of a response. Call this before our own cookie is added to them. */
void secsession_harden_response(const secsession_here_t *here);

#endif
