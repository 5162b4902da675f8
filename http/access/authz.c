/* Two authorization providers, which check when and how the user of the session has logged in. */
#include "http/access/authz.h"

#include <ap_provider.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_request.h>
#include <mod_auth.h>

#include "http/access/authn.h"
#include "http/request/current.h"
#include "http/request/name.h"
#include "http/setup/arguments.h"

/* A session that stays signed in counts as fresh for a day at most, whatever Require says. In
 * seconds. */
#define REMEMBERED_FRESH 86400

static const char *parse_fresh(cmd_parms *cmd, const char *line, const void **parsed)
{
    int *seconds = apr_palloc(cmd->pool, sizeof(*seconds));

    *parsed = seconds;
    return secsession_argument_duration(cmd, ap_getword_conf(cmd->pool, &line), seconds)
                   || *line != '\0'
               ? "Require session-fresh takes one duration above zero, such as 300, 5m or 1h"
               : NULL;
}

/* The session of the user of this request, or NULL. */
static const secsession_session_t *session_of(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const secsession_session_t *session;

    return secsession_current_session(here, &session) == SECSESSION_LIVE && r->user
                   && secsession_name_is(here, r->user, session->user)
               ? session
               : NULL;
}

/* OWASP ASVS 5.0 7.5.1 and 7.5.3: users must authenticate again before sensitive operations. */
static authz_status check_fresh(request_rec *r, const char *line, const void *parsed)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session = session_of(&here);
    int within = *(const int *)parsed;

    if (session == NULL) {
        return r->user ? AUTHZ_DENIED : AUTHZ_DENIED_NO_USER;
    }
    if (here.context->is_fresh_assumed) {
        return AUTHZ_GRANTED;
    }
    if (session->age_ms / 1000 < within
        && !(session->persistent && session->age_ms / 1000 >= REMEMBERED_FRESH)) {
        return AUTHZ_GRANTED;
    }
    here.context->stale_within = within;
    return AUTHZ_DENIED;
}

static const char *parse_method(cmd_parms *cmd, const char *line, const void **parsed)
{
    char *methods = apr_pstrdup(cmd->pool, line);

    /* Methods are in lower case, whatever the case of the AuthType. */
    ap_str_tolower(methods);
    *parsed = methods;
    return *line ? NULL
                 : "Require session-method takes the names of methods, such as form or "
                   "openid-connect";
}

static authz_status check_method(request_rec *r, const char *line, const void *parsed)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session = session_of(&here);
    const char *methods = parsed;

    if (session == NULL) {
        return r->user ? AUTHZ_DENIED : AUTHZ_DENIED_NO_USER;
    }
    while (*methods) {
        if (strcmp(ap_getword_conf(r->pool, &methods), session->method) == 0) {
            return AUTHZ_GRANTED;
        }
    }
    return AUTHZ_DENIED;
}

void secsession_authz_register(apr_pool_t *pool)
{
    static const authz_provider fresh = { check_fresh, parse_fresh };
    static const authz_provider method = { check_method, parse_method };

    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "session-fresh", AUTHZ_PROVIDER_VERSION,
                              &fresh, AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "session-method", AUTHZ_PROVIDER_VERSION,
                              &method, AP_AUTH_INTERNAL_PER_CONF);
}
