/* CGI programs that write their whole response themselves, without any filter of httpd. */
#ifndef SECSESSION_NPH_H
#define SECSESSION_NPH_H

#include <httpd.h>

/* handler, before that of mod_cgi and mod_cgid: refuses to run a program whose name begins with
 * "nph-" (RFC 3875, 5) on a virtual host with sessions, with 500. */
int secsession_nph_refuse(request_rec *r);

#endif
