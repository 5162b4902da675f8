/* Sets the environment variables that tell an application about the session. */
#include "http/application/environment.h"

#include <apr_strings.h>
#include <string.h>

#include "http/access/authn.h"
#include "http/application/forward.h"
#include "http/request/current.h"
#include "http/request/reserved.h"

static const char *text_of(request_rec *r, apr_int64_t number)
{
    return apr_off_t_toa(r->pool, number);
}

#define COUNT 5

static const char *const NAMES[COUNT] = { "SECSESSION_ID", "SECSESSION_CREATED",
                                          "SECSESSION_AUTHENTICATED", "SECSESSION_EXPIRES",
                                          "SECSESSION_IDLE" };

static void tell(const secsession_here_t *here, const secsession_session_t *session,
                 const char *values[COUNT])
{
    request_rec *r = here->r;

    values[0] = session->id;
    values[1] = text_of(r, session->created_at);
    values[2] = text_of(r, apr_time_sec(session->authenticated_at));
    values[3] = text_of(r, session->expires_at);
    values[4] = text_of(r, secsession_current_idle_timeout(here, session));
}

/* The variables are added to those that do not have them. This is faster than setting one after the
 * other, which would compare the name of each with those of the variables that were added before
 * it. */
static void add(request_rec *r, const char *const values[COUNT])
{
    for (int i = 0; i < COUNT; i++) {
        apr_table_addn(r->subprocess_env, NAMES[i], values[i]);
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
    const char *values[COUNT];

    if (session == NULL) {
        return DECLINED;
    }
    if (r->user == NULL && secsession_authn_is_ours(r)) {
        set_user(r, session);
    }
    for (int i = 0; i < COUNT; i++) {
        apr_table_unset(r->subprocess_env, NAMES[i]);
    }
    tell(&here, session, values);
    add(r, values);
    return DECLINED;
}

/* Whether a program could take this variable for what only this module says about the user. Those
 * of header fields are among them: an including page hands on the variables that it had itself. */
static int is_ours_to_say(const char *variable, const void *data)
{
    const secsession_here_t *here = data;
    const char *field = secsession_reserved_after(variable, "HTTP_");

    if (secsession_reserved_is_same(variable, "REMOTE_USER")
        || secsession_reserved_is_same(variable, "AUTH_TYPE")) {
        return secsession_authn_is_ours(here->r);
    }
    return field ? secsession_reserved_is_told(here->server, field)
                 : secsession_reserved_is_field(variable);
}

/* Whether the variables are those that secsession_environment_fixup() has set, as they mostly
 * are. */
static int are_told(const secsession_here_t *here, const char *const values[COUNT])
{
    const apr_array_header_t *array = apr_table_elts(here->r->subprocess_env);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;
    int told = 0;

    for (int i = 0; i < array->nelts; i++) {
        if (told < COUNT && entries[i].key == NAMES[told]
            && strcmp(entries[i].val, values[told]) == 0) {
            told++;
        } else if (is_ours_to_say(entries[i].key, here)) {
            return 0;
        }
    }
    return told == COUNT;
}

/* httpd itself sets REMOTE_USER, AUTH_TYPE and the variables of header fields, but it removes
 * none. */
static void settle_variables(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;
    const char *values[COUNT];

    if (session) {
        tell(here, session, values);
        if (are_told(here, values)) {
            return;
        }
    }
    r->subprocess_env = secsession_reserved_without(r->pool, r->subprocess_env, is_ours_to_say,
                                                    here);
    if (session) {
        add(r, values);
    }
}

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
    settle_variables(&here, session);
    return secsession_forward_fixup(r);
}
