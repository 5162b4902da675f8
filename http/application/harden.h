/* SecSessionHarden: what applications do badly is made good on the way in and out. Cookies without
 * attributes get them; session ids in URLs are taken out, or requests with them refused; a response
 * without a Referrer-Policy gets one. */
#ifndef SECSESSION_HARDEN_H
#define SECSESSION_HARDEN_H

#include "http/request/context.h"

/* pre_translate_name: takes session ids out of the request before anybody decides where it goes. */
int secsession_harden_request(request_rec *r);

/* header_parser: tells of what was taken out, and refuses it where the location wants that. Here
 * alone the words of <Directory>, <Files> and <Proxy> are known. */
int secsession_harden_check(request_rec *r);

/* Looks the headers of a response over. Before our own cookie is in it. */
void secsession_harden_response(const secsession_here_t *here);

#endif
