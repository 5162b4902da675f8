/* Calls the one of our handlers that SetHandler names. */
#include "http/handlers/handler.h"

#include <http_log.h>
#include <string.h>

#include "http/handlers/claim.h"
#include "http/handlers/login.h"
#include "http/handlers/logout.h"
#include "http/handlers/sessions.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

static const struct {
    const char *name;
    int (*answer)(request_rec *r);
} HANDLERS[] = {
    { "secsession-login", secsession_login_answer },
    { "secsession-logout", secsession_logout_answer },
    { "secsession-sessions", secsession_sessions_answer },
};

/* r->handler does not count: it may name one of our pages because a .htaccess file does, and it may
 * not name it because of a RewriteRule. */
int secsession_handler_run(request_rec *r)
{
    const char *name = secsession_claim_name(r);

    if (name == NULL
        && strncmp(r->handler, SECSESSION_HANDLER, sizeof(SECSESSION_HANDLER) - 1) != 0) {
        return DECLINED;
    }
    if (name == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS245: the handler of %s is one of mod_secsession, but not by SetHandler in "
                      "the configuration of the server: write it in a <Location> there; .htaccess "
                      "files cannot say where users log in",
                      r->uri);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (apr_size_t i = 0; i < sizeof(HANDLERS) / sizeof(HANDLERS[0]); i++) {
        if (strcmp(name, HANDLERS[i].name) == 0) {
            secsession_claim_settle(r);
            return HANDLERS[i].answer(r);
        }
    }
    return DECLINED;
}
