/* See words.h. */
#include "http/application/words.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "http/application/response.h"
#include "http/application/tee.h"
#include "http/application/vault.h"
#include "http/handlers/logout.h"
#include "http/parse/text.h"
#include "http/request/begin.h"
#include "http/request/context.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

static const ap_expr_info_t *expression_of(const secsession_when_t *when)
{
    return when ? when->expression : NULL;
}

/* --- before the application ------------------------------------------------------------------ */

/* A revocation that commits while the application checks a password must refuse the login (I2). A
 * page that is only looked at within a session logs nobody in; if it does, the moment of the response
 * has to do. */
static int may_log_in(request_rec *r)
{
    const secsession_location_config_t *location = secsession_config_location(r);
    const secsession_session_t *session;

    return location->enabled == 1
           && (location->app_login == 1 || expression_of(location->login_when))
           && (r->method_number != M_GET
               || secsession_context_session(r, &session) != SECSESSION_LIVE);
}

/* Where the database is away the page is served all the same; a login in it will fail. */
int secsession_applogin_prepare(request_rec *r)
{
    secsession_context_t *context = secsession_context_get(r);
    const secsession_when_t *login = secsession_config_location(r)->login_when;

    if (context == NULL || r->main) {
        return DECLINED;
    }
    if (may_log_in(r)) {
        secsession_bind_note_moment(r);
    }
    if (expression_of(login) && !login->group && r->method_number == M_POST) {
        secsession_tee_insert(r);
    }
    return DECLINED;
}

/* --- reading --------------------------------------------------------------------------------- */

static void contradict(request_rec *r, secsession_words_t *words, const char *what)
{
    words->is_wrong = 1;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "SS212: the application at %s %s: its response is not sent", r->uri, what);
}

/* httpd joins two fields of one name with ", ": a name that has this is taken for two. */
static void name_user(request_rec *r, secsession_words_t *words, const char *user,
                      const char *method)
{
    if ((words->user && strcmp(words->user, user) != 0) || strstr(user, ", ")) {
        contradict(r, words, "logs in two users at once");
    } else if (!secsession_text_is_name(user, SECSESSION_USER_LENGTH)) {
        contradict(r, words,
                   "logs in what is no user name (1 to 255 bytes of UTF-8 without control "
                   "characters)");
    } else {
        words->user = apr_pstrdup(r->pool, user);
        words->method = method;
    }
}

static void read_word(request_rec *r, secsession_words_t *words, const char *name,
                      const char *value)
{
    if (strcasecmp(name, "SecSession-Login") == 0) {
        name_user(r, words, value, "application");
    } else if (strcasecmp(name, "SecSession-Logout") == 0 && strcmp(value, "1") == 0) {
        words->log_out = 1;
    } else if (strcasecmp(name, "SecSession-Revoke") == 0 && strcasecmp(value, "others") == 0) {
        words->revoke_others = 1;
    } else if (strcasecmp(name, "SecSession-Revoke") == 0 && strcasecmp(value, "all") == 0) {
        words->revoke_all = 1;
    } else {
        contradict(r, words, "says a SecSession word that there is not");
    }
}

static void read_words(request_rec *r, secsession_words_t *words, const apr_table_t *headers)
{
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;

    for (int i = 0; i < array->nelts; i++) {
        if (strncasecmp(entries[i].key, "SecSession-", 11) == 0) {
            read_word(r, words, entries[i].key, entries[i].val);
        }
    }
}

/* What an expression matched last: its groups, and in what. */
typedef struct {
    ap_regmatch_t groups[AP_MAX_REG_MATCH];
    const char *source;
} match_t;

/* ap_expr looks at headers_out only, where CGI's fields are not, and there at the first of each name. */
static int is_so(request_rec *r, const ap_expr_info_t *expression, match_t *match)
{
    apr_table_t *headers = r->headers_out;
    const char *error = NULL;
    int result;

    match->source = NULL;
    /* A copy: an overlay shares its memory with the table below, and compressing changes it. */
    r->headers_out = apr_table_copy(r->pool,
                                    apr_table_overlay(r->pool, r->err_headers_out, headers));
    apr_table_compress(r->headers_out, APR_OVERLAP_TABLES_MERGE);
    result = ap_expr_exec_re(r, expression, AP_MAX_REG_MATCH, match->groups, &match->source,
                             &error);
    r->headers_out = headers;
    if (error || result < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS213: SecSessionLoginWhen or SecSessionLogoutWhen cannot be evaluated: %s",
                      error ? error : "an error");
    }
    return error == NULL && result > 0;
}

static const char *matched(request_rec *r, const match_t *match, int group)
{
    const ap_regmatch_t *at = &match->groups[group];

    return match->source && at->rm_so >= 0 ? apr_pstrmemdup(r->pool, match->source + at->rm_so,
                                                            (apr_size_t)(at->rm_eo - at->rm_so))
                                           : NULL;
}

static int is_session_of(request_rec *r, const char *user)
{
    const secsession_session_t *session;

    return secsession_context_session(r, &session) == SECSESSION_LIVE
           && strcmp(session->user, user) == 0;
}

static void recognise_login(request_rec *r, secsession_words_t *words,
                            const secsession_when_t *when, const match_t *match)
{
    const char *user = when->group ? matched(r, match, when->group)
                                   : secsession_tee_field(r, when->field);

    if (user == NULL && when->group) {
        contradict(r, words, "has logged somebody in whom SecSessionLoginWhen did not match");
    } else if (user == NULL) {
        contradict(r, words,
                   apr_pstrcat(r->pool, "has logged somebody in, but the request has no field ",
                               when->field,
                               " that all programs would read alike, or is beyond 64 KiB", NULL));
    } else if (!when->group || !is_session_of(r, user)) {
        /* An application that only says again who is there has checked no password. */
        name_user(r, words, user, "application");
    }
}

/* Where a response is recognised by what it looks like, it must be one. */
static void recognise(request_rec *r, const secsession_location_config_t *location,
                      secsession_words_t *words)
{
    const secsession_when_t *login = location->login_when;
    const ap_expr_info_t *logout = expression_of(location->logout_when);
    match_t match;

    if (expression_of(login) && (login->group || r->method_number == M_POST)
        && is_so(r, login->expression, &match)) {
        recognise_login(r, words, login, &match);
    }
    if (logout && is_so(r, logout, &match)) {
        words->log_out = 1;
    }
}

static void read_headers(request_rec *r, secsession_context_t *context)
{
    const secsession_location_config_t *location = secsession_config_location(r);

    if (location->enabled == 1 && location->app_login == 1) {
        read_words(r, &context->words, r->headers_out);
        read_words(r, &context->words, r->err_headers_out);
    }
    secsession_vault_take(r);
}

void secsession_applogin_read(request_rec *r)
{
    const secsession_location_config_t *location = secsession_config_location(r);
    secsession_context_t *context = secsession_context_get(r);

    if (!context->words.is_obeyed) {
        if (location->enabled == 1) {
            recognise(r, location, &context->words);
        }
        read_headers(r, context);
    }
    secsession_response_strip(r);
}

void secsession_applogin_read_redirect(request_rec *r)
{
    request_rec *from = r->prev;

    if (!secsession_context_get(r)->words.is_obeyed) {
        read_headers(from, secsession_context_get(r));
    }
    secsession_response_strip(from);
    r->err_headers_out = from->err_headers_out;
}

/* --- obeying --------------------------------------------------------------------------------- */

static int bind_user(request_rec *r, secsession_context_t *context)
{
    const secsession_binding_t binding = { .user = context->words.user,
                                           .method = context->words.method,
                                           .epoch = SECSESSION_NO_EPOCH,
                                           .moment = context->moment,
                                           .cookies = context->vaulted.changes };

    switch (secsession_bind_user(r, &binding)) {
    case SECSESSION_LIVE:
        return OK;
    case SECSESSION_REVOKED:
    case SECSESSION_FULL:
        secsession_response_no_store(r);
        return HTTP_FORBIDDEN;
    default:
        return secsession_response_unavailable(r);
    }
}

/* Without a session one begins, unless all that was said is to forget. Where the session has ended
 * meanwhile nothing is kept (I1). */
static int keep_cookies(request_rec *r, secsession_context_t *context)
{
    const secsession_kept_t *changes = (const secsession_kept_t *)context->vaulted.changes->elts;
    const secsession_session_t *session;
    int is_something = 0;

    for (int i = 0; i < context->vaulted.changes->nelts; i++) {
        is_something |= changes[i].value != NULL;
    }
    switch (secsession_context_session(r, &session)) {
    case SECSESSION_LIVE:
    case SECSESSION_ANONYMOUS:
        return secsession_store_keep(secsession_config_server(r)->store, r->pool, session,
                                     context->vaulted.changes)
                       == SECSESSION_UNAVAILABLE
                   ? secsession_response_unavailable(r)
                   : OK;
    case SECSESSION_UNAVAILABLE:
        return secsession_response_unavailable(r);
    case SECSESSION_RETIRED:
        return OK; /* another response has brought the browser a new token meanwhile */
    default:
        return !is_something
                       || secsession_bind_nobody(r, context->vaulted.changes)
                              == SECSESSION_ANONYMOUS
                   ? OK
                   : secsession_response_unavailable(r);
    }
}

static int revoke_own(request_rec *r, secsession_context_t *context)
{
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_context_session(r, &session);

    if (outcome == SECSESSION_LIVE) {
        outcome = secsession_store_revoke_own(secsession_config_server(r)->store, r->pool, session,
                                              !context->words.revoke_all,
                                              "the application asked for it");
    }
    if (outcome == SECSESSION_UNAVAILABLE) {
        return secsession_response_unavailable(r);
    }
    if (outcome == SECSESSION_DONE && context->words.revoke_all) {
        context->new_token = NULL;
        context->forget = 1;
    }
    return OK;
}

/* In the order in which they do not undo each other. */
int secsession_applogin_obey(request_rec *r)
{
    secsession_context_t *context = secsession_context_get(r);
    secsession_words_t *words = &context->words;
    int status = OK;

    if (words->is_obeyed) {
        return OK;
    }
    words->is_obeyed = 1;
    if (words->user && words->log_out) {
        contradict(r, words, "logs in and out at once");
    }
    if (words->is_wrong) {
        return HTTP_BAD_GATEWAY;
    }
    if (secsession_vault_has_news(r) && !words->log_out) {
        status = secsession_vault_check(r);
    }
    if (status == OK && words->user) {
        status = bind_user(r, context);
    } else if (status == OK && secsession_vault_has_news(r) && !words->log_out) {
        status = keep_cookies(r, context);
    }
    if (status == OK && (words->revoke_others || words->revoke_all)) {
        status = revoke_own(r, context);
    }
    if (status == OK && words->log_out) {
        status = secsession_logout_end(r);
    }
    return status;
}
