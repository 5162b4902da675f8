/* Refuses CGI programs whose responses nobody could look over. */
#include "http/application/nph.h"

#include <apr_lib.h>
#include <http_log.h>
#include <string.h>

#include "http/request/context.h"

APLOG_USE_MODULE(secsession);

static int is_cgi(const request_rec *r)
{
    return strcmp(r->handler, "cgi-script") == 0 || strcmp(r->handler, CGI_MAGIC_TYPE) == 0;
}

/* For such a program httpd takes all filters away. Its response could set our cookie, would not be
 * marked for caches, and would go on when the session has ended. */
int secsession_nph_refuse(request_rec *r)
{
    if (!r->filename || !is_cgi(r) || !secsession_here(r).context
        || strncmp(apr_filepath_name_get(r->filename), "nph-", 4) != 0) {
        return DECLINED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "SS322: the program %s is not run: its name begins with nph-, so that nothing "
                  "could protect the session in what it sends; give it another name, and let it "
                  "begin with a Status field in place of HTTP/1.1",
                  r->filename);
    return HTTP_INTERNAL_SERVER_ERROR;
}
