/* SecSessionHarden: what applications do badly is made good on the way in and out. Cookies without
 * attributes get them; session ids in URLs are taken out, or requests with them refused; a response
 * without a Referrer-Policy gets one. */
#ifndef SECSESSION_HARDEN_H
#define SECSESSION_HARDEN_H

#include <httpd.h>
#include <http_config.h>

/* The parts of SecSessionHarden. */
enum {
    SECSESSION_HARDEN_COOKIES = 1,
    SECSESSION_HARDEN_STRIP = 2,  /* session ids are taken out of URLs */
    SECSESSION_HARDEN_REFUSE = 4, /* the same, but a request with one is answered with 403 */
    SECSESSION_HARDEN_REFERRER = 8
};

/* The directives' arguments: NULL, or the error that stops httpd. *parts is 0 for Off; *names ends
 * with a NULL. */
const char *secsession_harden_parts(cmd_parms *cmd, int argc, char *const argv[], int *parts);
const char *secsession_harden_names(cmd_parms *cmd, int argc, char *const argv[],
                                    const char *const **names);

/* pre_translate_name: takes session ids out of the request before anybody decides where it goes. */
int secsession_harden_request(request_rec *r);

/* header_parser: tells of what was taken out, and refuses it where the location wants that. Here
 * alone the words of <Directory>, <Files> and <Proxy> are known. */
int secsession_harden_check(request_rec *r);

/* Looks the headers of a response over. Before our own cookie is in it. */
void secsession_harden_response(request_rec *r);

#endif
