/* Sets the environment variables that tell an application about the session. */
#include "http/application/environment.h"

#include <apr_strings.h>

#include "http/access/authn.h"
#include "http/request/current.h"

static const char *text_of(request_rec *r, apr_int64_t number)
{
    return apr_off_t_toa(r->pool, number);
}

/* All variables are first removed and then added. This is faster than setting one after the other,
 * which would compare the name of each with those of the variables that were added before it. */
static void set_environment(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;
    const struct {
        const char *name;
        const char *value;
    } variables[] = {
        { "SECSESSION_ID", session->id },
        { "SECSESSION_CREATED", text_of(r, session->created_at) },
        { "SECSESSION_AUTHENTICATED", text_of(r, session->authenticated_at) },
        { "SECSESSION_EXPIRES", text_of(r, session->expires_at) },
        { "SECSESSION_IDLE", text_of(r, secsession_current_idle_timeout(here, session)) },
    };
    const apr_size_t count = sizeof(variables) / sizeof(variables[0]);

    for (apr_size_t i = 0; i < count; i++) {
        apr_table_unset(r->subprocess_env, variables[i].name);
    }
    for (apr_size_t i = 0; i < count; i++) {
        apr_table_addn(r->subprocess_env, variables[i].name, variables[i].value);
    }
}

int secsession_environment_fixup(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;

    if (secsession_current_session(&here, &session) != SECSESSION_LIVE) {
        return DECLINED;
    }
    if (r->user == NULL && secsession_authn_is_ours(r)) {
        r->user = apr_pstrdup(r->pool, session->user);
        r->ap_auth_type = apr_pstrdup(r->pool, SECSESSION_AUTH_TYPE);
    }
    set_environment(&here, session);
    return DECLINED;
}
