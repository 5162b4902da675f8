/* Begins sessions: tells the database what it stores with a session, and puts the new session into
 * the context of the request. */
#include "http/request/begin.h"

#include <http_log.h>

#include "http/request/address.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/visit.h"

APLOG_USE_MODULE(secsession);

int secsession_begin_note_moment(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_context_t *context = here->context;

    if (context->moment == NULL) {
        secsession_store_login_moment(here->server->store, r->pool, &context->moment);
    }
    return context->moment != NULL;
}

/* Fills in what every session has, and makes its token, which is in *text. Returns 0 if there is no
 * token. */
static int describe(const secsession_here_t *here, secsession_login_t *login, char **text)
{
    request_rec *r = here->r;

    *text = apr_palloc(r->pool, SECSESSION_TOKEN_SIZE);
    if (secsession_token_make(here->server->token_keys, *text, &login->token) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_CRIT, 0, r,
                      "SS201: the kernel or libcrypto returns no random bytes, so that nobody can "
                      "log in; see the log of the kernel");
        return 0;
    }
    login->realm = here->server->realm;
    login->client = secsession_address_client(r);
    login->crowd = here->server->crowd;
    login->is_lowercase = here->server->lowercase == 1;
    login->limits = secsession_config_limits(here->location);
    return 1;
}

static void remember(const secsession_here_t *here, secsession_login_t *login, int is_wanted)
{
    const secsession_limits_t limits = secsession_config_remembered(here->location);

    if (is_wanted && limits.absolute > 0) {
        login->persistent = 1;
        login->limits = limits;
    }
}

static void take_over(const secsession_here_t *here, const secsession_login_t *login,
                      secsession_outcome_t outcome, const secsession_session_t *session,
                      const char *text)
{
    secsession_context_t *context = here->context;

    context->is_token = 1;
    context->token = login->token;
    context->is_looked_up = 1;
    context->outcome = outcome;
    context->session = session;
    context->new_token = text;
    context->forget = 0;
    context->is_found = 0;
    context->vigil = NULL; /* that was another session */
    context->is_cut = 0;
    secsession_current_use(here);
}

secsession_outcome_t secsession_begin_user(const secsession_here_t *here,
                                           const secsession_authenticated_t *who)
{
    request_rec *r = here->r;
    secsession_context_t *context = here->context;
    secsession_login_t login = { .user = who->user,
                                 .method = who->method,
                                 .attempt = who->attempt,
                                 .moment = who->moment,
                                 .cookies = context->carried
                                                ? secsession_visit_add(here, who->cookies)
                                                : who->cookies,
                                 .stamp = who->stamp,
                                 .credential = who->credential };
    const secsession_session_t *session;
    secsession_outcome_t outcome;
    char *text;

    if (!describe(here, &login, &text)) {
        return SECSESSION_UNAVAILABLE;
    }
    remember(here, &login, who->persistent);
    login.replaces = context->is_token ? &context->token : NULL;
    login.continues = context->session;
    outcome = secsession_store_authenticate(here->server->store, r->pool, &login, &session);
    if (outcome == SECSESSION_LIVE) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS205: user %s logged in to realm %s: session %s", login.user, login.realm,
                      session->id);
        take_over(here, &login, outcome, session, text);
        return SECSESSION_LIVE;
    }
    if (outcome == SECSESSION_FULL) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS228: login refused: user %s already has as many sessions in realm %s as "
                      "SecSessionMaxPerUser allows",
                      login.user, login.realm);
    }
    return outcome == SECSESSION_REVOKED || outcome == SECSESSION_FULL
                   || outcome == SECSESSION_RETIRED
               ? outcome
               : SECSESSION_UNAVAILABLE;
}

int secsession_begin_status(request_rec *r, secsession_outcome_t outcome)
{
    switch (outcome) {
    case SECSESSION_LIVE:
        return OK;
    case SECSESSION_REVOKED:
    case SECSESSION_FULL:
        secsession_answer_no_store(r);
        return HTTP_FORBIDDEN;
    default:
        return secsession_answer_unavailable(r);
    }
}

/* Whether a page of another site sent the request. Browsers that send no Sec-Fetch-Site send an
 * Origin with each form. */
static int is_cross_site(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const char *host = apr_table_get(r->headers_in, "Host"), *separator;
    apr_size_t length;

    if (site || origin == NULL || host == NULL) {
        return site && strcmp(site, "cross-site") == 0;
    }
    separator = strstr(origin, "://");
    length = strcspn(host, ":");
    return separator == NULL || strcspn(separator + 3, ":") != length
           || strncasecmp(separator + 3, host, length) != 0;
}

/* With such a request browsers send a cookie with SameSite=Lax, too. What is known to come from
 * another site by its Origin alone is a form or a script: no other request has that field. */
static int is_top_level(request_rec *r)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");
    const char *to = apr_table_get(r->headers_in, "Sec-Fetch-Dest");

    return r->method_number == M_GET && mode && strcmp(mode, "navigate") == 0
           && (to == NULL || strcmp(to, "document") == 0);
}

/* Whether the browser may have a cookie of ours that it does not send, because of SameSite
 * (RFC 6265bis, 5.6.7.1). A new cookie would take the place of that one. */
static int may_be_withheld(const secsession_here_t *here)
{
    const char *same_site = here->server->cookie.same_site;

    return here->context->presented == SECSESSION_COOKIE_NONE && is_cross_site(here->r)
           && strcmp(same_site, "None") != 0
           && (strcmp(same_site, "Strict") == 0 || !is_top_level(here->r));
}

static secsession_outcome_t begin_anonymous(const secsession_here_t *here,
                                            const secsession_jar_t *cookies)
{
    request_rec *r = here->r;
    secsession_login_t login = { .cookies = cookies };
    const secsession_session_t *session;
    char *text;

    if (may_be_withheld(here)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS246: no session begins for the cookies of the application: another site "
                      "sent the request to %s, and because of SameSite the browser may not have "
                      "sent the cookie of a session; to let that site come back to it, see "
                      "SecSessionCookie",
                      r->uri);
        return SECSESSION_UNKNOWN;
    }
    if (!describe(here, &login, &text)
        || secsession_store_begin(here->server->store, r->pool, &login, &session)
               != SECSESSION_ANONYMOUS) {
        return SECSESSION_UNAVAILABLE;
    }
    take_over(here, &login, SECSESSION_ANONYMOUS, session, text);
    return SECSESSION_ANONYMOUS;
}

secsession_outcome_t secsession_begin_visit(const secsession_here_t *here,
                                            const secsession_jar_t *cookies)
{
    cookies = secsession_visit_add(here, cookies);
    return !may_be_withheld(here) && secsession_visit_begin(here, cookies)
               ? SECSESSION_ANONYMOUS
               : begin_anonymous(here, cookies);
}
