/* Gives a session to users whom another AuthType has authenticated, and refuses them when it has
 * ended. */
#include "http/access/adopt.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_ssl.h>

#include "http/access/authn.h"
#include "http/access/guard.h"
#include "http/access/sender.h"
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

int secsession_adopt_prepare(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;

    /* Without credentials nobody can be logged in, so the request must not cost an SQL
     * statement. The session of a client that sends them is found when they have been checked. */
    if (!is_on(&here) || secsession_sender_is_known(&here, ap_auth_type(r))
        || (secsession_sender_is_by_header(ap_auth_type(r))
            && !apr_table_get(r->headers_in, "Authorization"))) {
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

static int is_same(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;

    return secsession_name_is(here, r->user, session->user)
           && strcmp(secsession_sender_method(r), session->method) == 0;
}

/* Answers as if the user had not authenticated. */
static int demand(const secsession_here_t *here, secsession_outcome_t outcome)
{
    request_rec *r = here->r;
    const char *type = secsession_sender_type(r);

    r->user = NULL;
    if (secsession_sender_is_by_header(type)) {
        ap_note_auth_failure(r);
        secsession_answer_no_store(r);
        return HTTP_UNAUTHORIZED;
    }
    return secsession_authn_demand(here, outcome);
}

static int refuse(const secsession_here_t *here, secsession_outcome_t outcome)
{
    request_rec *r = here->r;

    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS230: user %s must authenticate again in realm %s: the session has ended",
                  r->user, here->server->realm);
    return demand(here, outcome);
}

/* Refuses a user whose login a revocation has refused: for the moment, or as long as nobody allows
 * these credentials, which the client will go on to send. */
static int refuse_login(const secsession_here_t *here, int is_known)
{
    request_rec *r = here->r;

    if (!is_known) {
        return refuse(here, SECSESSION_REVOKED);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS294: user %s gets no session in realm %s: a revocation has refused these "
                  "credentials, until they are changed or secsession.allow_user() allows them",
                  r->user, here->server->realm);
    return demand(here, SECSESSION_REVOKED);
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
    if (secsession_sender_type(r)
        == NULL) { /* the certificate was checked when the connection was made */
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

/* Whether nobody whom the server trusts has signed the certificate from which the user was taken
 * (SSLVerifyClient optional_no_ca); with FakeBasicAuth the AuthType is Basic. A .htaccess file of
 * another place can have asked for it: it belongs to the connection. */
static int is_unverified(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const char *type = secsession_sender_type(r);
    const char *is_verified = type == NULL || strcasecmp(type, "Basic") == 0
                                  ? ap_ssl_var_lookup(r->pool, r->server, r->connection, r,
                                                      "SSL_CLIENT_VERIFY")
                                  : NULL;

    if (is_verified == NULL || *is_verified == '\0' || strcmp(is_verified, "SUCCESS") == 0
        || strcmp(is_verified, "NONE") == 0) {
        return 0;
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "SS321: user %s of %s gets no session: nobody whom the server trusts has signed "
                  "the client certificate; write SSLVerifyClient require there",
                  r->user, r->uri);
    return 1;
}

/* Whether it is not the server's own configuration that says who the user is. */
static int is_stranger(const secsession_here_t *here)
{
    return is_of_htaccess(here) || is_unverified(here);
}

static int adopt(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_authenticated_t who = { .user = NULL };
    secsession_context_t *context = here->context;
    secsession_outcome_t outcome;
    int is_known = secsession_sender_is_known(here, secsession_sender_type(r)), status = OK;

    if (is_stranger(here)) {
        return DECLINED;
    }
    who.user = secsession_name(here, r->user);
    if (who.user == NULL) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS231: the user whom %s has authenticated cannot have a session: a user name "
            "must be UTF-8 of at most %d bytes without control characters",
            secsession_sender_method(r), SECSESSION_USER_LENGTH);
        return HTTP_FORBIDDEN;
    }
    if (context->moment == NULL) {
        status = check_again(here);
    }
    if (status != OK) {
        return status;
    }
    who.method = secsession_sender_method(r);
    who.moment = context->moment;
    if (is_known) {
        who.credential = secsession_sender_credential(here);
        if (who.credential == NULL) {
            return secsession_answer_unavailable(r);
        }
    }
    outcome = secsession_begin_user(here, &who);
    if (outcome == SECSESSION_RETIRED) {
        outcome = secsession_sender_await(here);
    }
    if (outcome == SECSESSION_REVOKED) {
        return refuse_login(here, is_known);
    }
    status = secsession_begin_status(r, outcome);
    return status == OK ? go_on(r, who.user) : status;
}

/* Whether the session that the request has come with, if any, is over without anybody having ended
 * it: then credentials that come with the request begin another, or find one. */
static int is_over(secsession_outcome_t outcome)
{
    return outcome == SECSESSION_UNKNOWN || outcome == SECSESSION_RETIRED
           || outcome == SECSESSION_IDLE || outcome == SECSESSION_ABSOLUTE
           || outcome == SECSESSION_MOVED;
}

/* The session of a client that sends its credentials with each request. */
static int adopt_sender(const secsession_here_t *here, secsession_outcome_t outcome)
{
    const secsession_session_t *session;
    secsession_outcome_t found;

    if (is_stranger(here)) {
        return DECLINED;
    }
    found = secsession_sender_find(here);
    if (found == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(here->r);
    }
    if (found == SECSESSION_LIVE && secsession_current_session(here, &session) == SECSESSION_LIVE
        && is_same(here, session)) {
        return go_on(here->r, session->user);
    }
    return outcome == SECSESSION_RETIRED ? DECLINED : adopt(here);
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
    if (is_error_document(r)) {
        r->user = outcome == SECSESSION_RETIRED ? r->user : NULL;
        return DECLINED;
    }
    if (is_over(outcome) && secsession_sender_is_known(&here, secsession_sender_type(r))) {
        return adopt_sender(&here, outcome);
    }
    switch (outcome) {
    case SECSESSION_LIVE:
    case SECSESSION_ANONYMOUS:
    case SECSESSION_UNKNOWN:
        return adopt(&here);
    case SECSESSION_RETIRED:
        /* The request was under way when another request of this browser got the next token. It has
         * credentials of its own and is served by these, without a session. */
        return DECLINED;
    case SECSESSION_UNAVAILABLE:
        return secsession_answer_unavailable(r);
    default:
        return refuse_ended(&here, outcome);
    }
}
