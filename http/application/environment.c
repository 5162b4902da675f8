/* Sets the environment variables that tell an application about the session. */
#include "http/application/environment.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "http/access/authn.h"
#include "http/application/forward.h"
#include "http/request/current.h"
#include "http/request/reserved.h"

static const char *text_of(request_rec *r, apr_int64_t number)
{
    return apr_off_t_toa(r->pool, number);
}

/* NULL: there is no session. All variables are first removed and then added. This is faster than
 * setting one after the other, which would compare the name of each with those of the variables
 * that were added before it. */
static void set_environment(const secsession_here_t *here, const secsession_session_t *session)
{
    static const char *const names[] = { "SECSESSION_ID", "SECSESSION_CREATED",
                                         "SECSESSION_AUTHENTICATED", "SECSESSION_EXPIRES",
                                         "SECSESSION_IDLE" };
    const apr_size_t count = sizeof(names) / sizeof(names[0]);
    request_rec *r = here->r;

    for (apr_size_t i = 0; i < count; i++) {
        apr_table_unset(r->subprocess_env, names[i]);
    }
    if (session) {
        const char *const values[] = {
            session->id,
            text_of(r, session->created_at),
            text_of(r, session->authenticated_at),
            text_of(r, session->expires_at),
            text_of(r, secsession_current_idle_timeout(here, session)),
        };

        for (apr_size_t i = 0; i < count; i++) {
            apr_table_addn(r->subprocess_env, names[i], values[i]);
        }
    }
}

static void set_user(request_rec *r, const secsession_session_t *session)
{
    r->user = session ? apr_pstrdup(r->pool, session->user) : NULL;
    r->ap_auth_type = session ? apr_pstrdup(r->pool, SECSESSION_AUTH_TYPE) : NULL;
}

/* The session that has a user, or NULL. */
static const secsession_session_t *session_of_user(const secsession_here_t *here)
{
    const secsession_session_t *session;

    return secsession_current_session(here, &session) == SECSESSION_LIVE ? session : NULL;
}

int secsession_environment_fixup(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session = session_of_user(&here);

    if (session == NULL) {
        return DECLINED;
    }
    if (r->user == NULL && secsession_authn_is_ours(r)) {
        set_user(r, session);
    }
    set_environment(&here, session);
    return DECLINED;
}

/* Whether a program could take this variable for what only this module says about the user. CGI
 * gets each character of a name that is no letter or digit as an underscore. The variables of
 * header fields are among them: an including page hands on those that it had itself. */
static int is_ours_to_say(const char *variable, const void *data)
{
    const secsession_here_t *here = data;

    if (secsession_reserved_is_same(variable, "REMOTE_USER")
        || secsession_reserved_is_same(variable, "AUTH_TYPE")) {
        return secsession_authn_is_ours(here->r);
    }
    if (strncasecmp(variable, "HTTP", 4) == 0 && variable[4] && !apr_isalnum(variable[4])) {
        return secsession_reserved_is_told(here->server, variable + 5);
    }
    return secsession_reserved_is_field(variable);
}

/* httpd itself sets REMOTE_USER, AUTH_TYPE and the variables of header fields, but it removes
 * none. */
int secsession_environment_settle(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const int is_ours = secsession_authn_is_ours(r);
    const secsession_session_t *session;

    if (!is_ours && here.location->forward == NULL) {
        return DECLINED;
    }
    session = session_of_user(&here);
    if (is_ours) {
        set_user(r, session);
    }
    r->subprocess_env = secsession_reserved_without(r->pool, r->subprocess_env, is_ours_to_say,
                                                    &here);
    set_environment(&here, session);
    return secsession_forward_fixup(r);
}
