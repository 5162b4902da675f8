/* Gives a session to users whom another AuthType has authenticated, and refuses them when it has
 * ended. */
#include "http/access/adopt.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "http/access/authn.h"
#include "http/access/guard.h"
#include "http/modsession/modsession.h"
#include "http/parse/text.h"
#include "http/request/answer.h"
#include "http/request/begin.h"
#include "http/request/current.h"
#include "http/request/end.h"
#include "http/request/name.h"
#include "http/users/owner.h"

APLOG_USE_MODULE(secsession);

/* Users whom mod_auth_form logs in get a session by another way (see modsession.h). */
static int is_by_mod_session(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && strcasecmp(type, "form") == 0 && secsession_modsession_is_there();
}

static int is_on(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const secsession_location_config_t *location = here->location;

    return (location->adopt == 1 || secsession_modsession_is_on(here)) && location->enabled == 1
           && r->main == NULL && r->proxyreq != PROXYREQ_PROXY && here->context
           && !secsession_authn_is_ours(r) && !is_by_mod_session(r);
}

/* Whether the client sends its credentials in the Authorization header field. */
static int is_by_header(const char *type)
{
    return type && (strcasecmp(type, "Basic") == 0 || strcasecmp(type, "Digest") == 0);
}

int secsession_adopt_prepare(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;

    /* Without credentials nobody can be logged in, so the request must not cost an SQL
     * statement. */
    if (!is_on(&here)
        || (is_by_header(ap_auth_type(r)) && !apr_table_get(r->headers_in, "Authorization"))) {
        return DECLINED;
    }
    switch (secsession_current_session(&here, &session)) {
    case SECSESSION_UNKNOWN:
    case SECSESSION_ANONYMOUS:
        secsession_begin_note_moment(&here);
        break;
    default:
        break;
    }
    return DECLINED;
}

/* The AuthType by which credentials were checked in this request. NULL if none were, which means
 * that mod_ssl has taken the user from the client certificate of the connection. */
static const char *type_of(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return r->ap_auth_type ? type : NULL;
}

static const char *method_of(request_rec *r)
{
    const char *type = type_of(r);
    char *method = apr_pstrdup(r->pool, type ? type : "certificate");

    ap_str_tolower(method);
    return method;
}

static int is_same(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;

    return secsession_name_is(here, r->user, session->user)
           && strcmp(method_of(r), session->method) == 0;
}

/* Answers as if the user had not authenticated. */
static int refuse(const secsession_here_t *here, secsession_outcome_t outcome)
{
    request_rec *r = here->r;
    const char *type = type_of(r);

    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS230: user %s must authenticate again in realm %s: the session has ended",
                  r->user, here->server->realm);
    r->user = NULL;
    if (is_by_header(type)) {
        ap_note_auth_failure(r);
        secsession_answer_no_store(r);
        return HTTP_UNAUTHORIZED;
    }
    return secsession_authn_demand(here, outcome);
}

/* Refuses a user whose session has ended. The response deletes the cookie; the next request then
 * has no session, and begins one with the credentials that the user gives. A session that has ended
 * only for this location, by its shorter limits, is ended altogether, since nobody will have its
 * token any more. */
static int refuse_ended(const secsession_here_t *here, secsession_outcome_t outcome)
{
    secsession_context_t *context = here->context;
    int status = secsession_end_session(here);

    if (status != OK) {
        return status;
    }
    context->outcome = outcome;
    return refuse(here, outcome);
}

/* Notes the moment of the database and has the credentials checked once more after it. The moment
 * was not noted before the first check, because only then was it known that this is another user or
 * method than that of the session. */
static int check_again(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const char *user = secsession_name(here, r->user);
    int status;

    if (!secsession_begin_note_moment(here)) {
        return secsession_answer_unavailable(r);
    }
    if (type_of(r) == NULL) { /* the certificate was checked when the connection was made */
        return OK;
    }
    r->user = NULL;
    status = ap_run_check_user_id(r);
    if (status == OK && (r->user == NULL || !secsession_name_is(here, r->user, user))) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return status == DECLINED ? HTTP_INTERNAL_SERVER_ERROR : status;
}

/* The application is told the name that the session has. */
static int go_on(request_rec *r, const char *user)
{
    if (strcmp(r->user, user) != 0) {
        r->user = apr_pstrdup(r->pool, user);
    }
    return DECLINED;
}

/* Whether the user is one of a .htaccess file, which is no user of the realm. */
static int is_of_htaccess(const secsession_here_t *here)
{
    request_rec *r = here->r;

    if (!secsession_owner_is_stranger(r)) {
        return 0;
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "SS248: user %s of %s gets no session: a .htaccess file says how users "
                  "authenticate there, and need not mean the users of realm %s; write it into the "
                  "server's configuration if it does",
                  r->user, r->uri, here->server->realm);
    return 1;
}

static int adopt(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_authenticated_t who = { .user = NULL };
    secsession_context_t *context = here->context;
    secsession_outcome_t outcome;
    int status = OK;

    if (is_of_htaccess(here)) {
        return DECLINED;
    }
    who.user = secsession_name(here, r->user);
    if (who.user == NULL) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS231: the user whom %s has authenticated cannot have a session: a user name "
            "must be UTF-8 of at most %d bytes without control characters",
            method_of(r), SECSESSION_USER_LENGTH);
        return HTTP_FORBIDDEN;
    }
    if (context->moment == NULL) {
        status = check_again(here);
    }
    if (status != OK) {
        return status;
    }
    who.method = method_of(r);
    who.moment = context->moment;
    outcome = secsession_begin_user(here, &who);
    if (outcome == SECSESSION_REVOKED) {
        return refuse(here, outcome);
    }
    status = secsession_begin_status(r, outcome);
    return status == OK ? go_on(r, who.user) : status;
}

/* The ErrorDocument of a request that was refused is shown, but without a user. */
static int is_error_document(const request_rec *r)
{
    return r->prev && ap_is_HTTP_ERROR(r->prev->status);
}

int secsession_adopt_fixup(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;
    secsession_outcome_t outcome;
    int status;

    if (!is_on(&here) || r->user == NULL) {
        return DECLINED;
    }
    outcome = secsession_current_session(&here, &session);
    if (outcome == SECSESSION_LIVE && is_same(&here, session)) {
        return go_on(r, session->user);
    }
    status = session ? DECLINED : secsession_guard_check_user(&here);
    if (status != DECLINED) {
        return status;
    }
    /* A retired token means that the request was under way when another request of this browser got
     * the next token. It has credentials of its own and is served by these, without a session. */
    if (outcome == SECSESSION_RETIRED) {
        return DECLINED;
    }
    if (is_error_document(r)) {
        r->user = NULL;
        return DECLINED;
    }
    switch (outcome) {
    case SECSESSION_LIVE:
    case SECSESSION_ANONYMOUS:
    case SECSESSION_UNKNOWN:
        return adopt(&here);
    case SECSESSION_UNAVAILABLE:
        return secsession_answer_unavailable(r);
    default:
        return refuse_ended(&here, outcome);
    }
}
