/* See begin.h. */
#include "http/request/begin.h"

#include <http_log.h>

#include "http/application/environment.h"
#include "http/parse/text.h"
#include "http/request/context.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

#define USER_AGENT_LENGTH 255

int secsession_bind_note_moment(request_rec *r)
{
    secsession_context_t *context = secsession_context_get(r);

    if (context->moment == NULL) {
        secsession_store_login_moment(secsession_config_server(r)->store, r->pool,
                                      &context->moment);
    }
    return context->moment != NULL;
}

/* What every session has, and its token in *text. Whether there is one. */
static int describe(request_rec *r, secsession_login_t *login, char **text)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent");

    *text = apr_palloc(r->pool, SECSESSION_TOKEN_CHARS + 1);
    if (secsession_token_make(*text, &login->token) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_CRIT, 0, r,
                      "SS201: the kernel or libcrypto gives no random bytes: nobody can log in");
        return 0;
    }
    login->realm = secsession_config_server(r)->realm;
    login->client_addr = secsession_identity_address(r);
    login->user_agent = agent ? secsession_text_clean(r->pool, agent, USER_AGENT_LENGTH) : NULL;
    login->crowd = secsession_config_server(r)->crowd;
    login->limits = secsession_config_limits(secsession_config_location(r));
    return 1;
}

static void remember(request_rec *r, secsession_login_t *login, int is_wanted)
{
    const secsession_limits_t limits = secsession_config_remembered(secsession_config_location(r));

    if (is_wanted && limits.absolute > 0) {
        login->persistent = 1;
        login->limits = limits;
    }
}

static void take_over(secsession_context_t *context, const secsession_login_t *login,
                      secsession_outcome_t outcome, const secsession_session_t *session,
                      const char *text)
{
    context->is_token = 1;
    context->token = login->token;
    context->is_looked_up = 1;
    context->outcome = outcome;
    context->session = session;
    context->new_token = text;
    context->forget = 0;
}

secsession_outcome_t secsession_bind_user(request_rec *r, const secsession_binding_t *binding)
{
    secsession_context_t *context = secsession_context_get(r);
    secsession_login_t login = { .user = binding->user,
                                 .method = binding->method,
                                 .epoch = binding->epoch,
                                 .moment = binding->moment,
                                 .cookies = binding->cookies,
                                 .stamp = binding->stamp };
    const secsession_session_t *session;
    secsession_outcome_t outcome;
    char *text;

    if (!describe(r, &login, &text)) {
        return SECSESSION_UNAVAILABLE;
    }
    remember(r, &login, binding->persistent);
    login.replaces = context->is_token ? &context->token : NULL;
    outcome = secsession_store_authenticate(secsession_config_server(r)->store, r->pool, &login,
                                            &session);
    if (outcome == SECSESSION_LIVE) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS205: user %s logged in to realm %s: session %s", login.user, login.realm,
                      session->id);
        take_over(context, &login, outcome, session, text);
        return SECSESSION_LIVE;
    }
    if (outcome == SECSESSION_FULL) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS228: user %s has as many sessions in realm %s as SecSessionMaxPerUser "
                      "allows: this login is refused",
                      login.user, login.realm);
    }
    return outcome == SECSESSION_REVOKED || outcome == SECSESSION_FULL ? outcome
                                                                       : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_bind_nobody(request_rec *r, const secsession_jar_t *cookies)
{
    secsession_login_t login = { .cookies = cookies };
    const secsession_session_t *session;
    char *text;

    if (!describe(r, &login, &text)
        || secsession_store_begin(secsession_config_server(r)->store, r->pool, &login, &session)
               != SECSESSION_ANONYMOUS) {
        return SECSESSION_UNAVAILABLE;
    }
    take_over(secsession_context_get(r), &login, SECSESSION_ANONYMOUS, session, text);
    return SECSESSION_ANONYMOUS;
}
