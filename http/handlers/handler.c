/* Calls the one of our handlers that SetHandler names. */
#include "http/handlers/handler.h"

#include <string.h>

#include "http/handlers/login.h"
#include "http/handlers/logout.h"
#include "http/handlers/sessions.h"

#define PREFIX "secsession-"

static const struct {
    const char *name;
    int (*answer)(request_rec *r);
} HANDLERS[] = {
    { "login", secsession_login_answer },
    { "logout", secsession_logout_answer },
    { "sessions", secsession_sessions_answer },
};

/* httpd calls this for every request, so that the prefix is compared first. */
int secsession_handler_run(request_rec *r)
{
    if (strncmp(r->handler, PREFIX, sizeof(PREFIX) - 1) != 0) {
        return DECLINED;
    }
    for (apr_size_t i = 0; i < sizeof(HANDLERS) / sizeof(HANDLERS[0]); i++) {
        if (strcmp(r->handler + sizeof(PREFIX) - 1, HANDLERS[i].name) == 0) {
            return HANDLERS[i].answer(r);
        }
    }
    return DECLINED;
}
