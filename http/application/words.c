/* Reads what an application says in its responses, and then obeys it. */
#include "http/application/words.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "http/access/guard.h"
#include "http/application/cookies.h"
#include "http/application/recognise.h"
#include "http/application/tee.h"
#include "http/application/try.h"
#include "http/request/answer.h"
#include "http/request/begin.h"
#include "http/request/current.h"
#include "http/request/end.h"
#include "http/request/name.h"
#include "http/request/reserved.h"

APLOG_USE_MODULE(secsession);

static const ap_expr_info_t *expression_of(const secsession_when_t *when)
{
    return when ? when->expression : NULL;
}

/* --- before the application ------------------------------------------------------------------ */

/* Whether the application may log somebody in by this request. If so, the moment of the database is
 * noted before, since a revocation that commits while the application checks a password must refuse
 * the login (I2). A GET within a session hardly ever logs anybody in, so that this statement is
 * saved there; if it does, the moment of the response is used. */
static int may_log_in(const secsession_here_t *here)
{
    const secsession_location_config_t *location = here->location;
    const secsession_session_t *session;

    return location->enabled == 1
           && (location->app_login == 1 || expression_of(location->login_when)
               || expression_of(location->login_try))
           && (here->r->method_number != M_GET
               || secsession_current_session(here, &session) != SECSESSION_LIVE);
}

/* Whether fields of the form are needed that logs a user in. */
static int is_form_needed(const secsession_location_config_t *location)
{
    const secsession_when_t *login = location->login_when;

    return (expression_of(login) && login->field)
           || secsession_config_remembered(location).absolute > 0;
}

/* If the database gives no answer, the page is served nevertheless, unless a name may be tried with
 * it; only a login will fail. */
int secsession_words_prepare(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    int is_login, status;

    if (here.context == NULL || r->main) {
        return DECLINED;
    }
    is_login = may_log_in(&here);
    if (is_login) {
        secsession_begin_note_moment(&here);
    }
    if (is_login && r->method_number == M_POST && is_form_needed(here.location)) {
        secsession_tee_insert(&here);
    }
    status = secsession_try_begin(&here);
    return status == OK ? DECLINED : status;
}

/* --- reading --------------------------------------------------------------------------------- */

static void contradict(request_rec *r, secsession_words_t *words, const char *what)
{
    words->is_wrong = 1;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "SS212: the application at %s %s: its response is not sent", r->uri, what);
}

/* httpd joins two fields of the same name with ", ", so that a user name with ", " in it is taken
 * for two users. */
static void name_user(const secsession_here_t *here, const char *said, const char *method)
{
    secsession_words_t *words = &here->context->words;
    const char *user = secsession_name(here, said);

    if (strstr(said, ", ") || (words->user && user && strcmp(words->user, user) != 0)) {
        contradict(here->r, words, "logs in two users at once");
    } else if (user == NULL) {
        contradict(here->r, words,
                   "logs in what is not a user name (1 to 255 bytes of UTF-8 without control "
                   "characters)");
    } else {
        words->user = user;
        words->method = method;
    }
}

static void read_word(const secsession_here_t *here, const char *name, const char *value)
{
    secsession_words_t *words = &here->context->words;

    if (strcasecmp(name, "SecSession-Login") == 0) {
        name_user(here, value, "application");
    } else if (strcasecmp(name, "SecSession-Logout") == 0 && strcmp(value, "1") == 0) {
        words->log_out = 1;
    } else if (strcasecmp(name, "SecSession-Revoke") == 0 && strcasecmp(value, "others") == 0) {
        words->revoke_others = 1;
    } else if (strcasecmp(name, "SecSession-Revoke") == 0 && strcasecmp(value, "all") == 0) {
        words->revoke_all = 1;
    } else {
        contradict(here->r, words, "sent a SecSession- header field that has no meaning");
    }
}

static void read_words(const secsession_here_t *here, const apr_table_t *headers)
{
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;

    /* One contradiction is enough, also for the log. */
    for (int i = 0; i < array->nelts && !here->context->words.is_wrong; i++) {
        if (strncasecmp(entries[i].key, "SecSession-", 11) == 0) {
            read_word(here, entries[i].key, entries[i].val);
        }
    }
}

/* What SecSessionLoginWhen and SecSessionLogoutWhen recognise. */
static void recognise(const secsession_here_t *here)
{
    const secsession_recognised_t found = secsession_recognise(here);

    if (found.wrong) {
        contradict(here->r, &here->context->words, found.wrong);
    } else if (found.user) {
        name_user(here, found.user, "application");
    }
    here->context->words.log_out |= found.log_out;
    secsession_try_end(here, found.takes_name);
}

static void read_headers(const secsession_here_t *here)
{
    if (here->location->enabled == 1 && here->location->app_login == 1) {
        read_words(here, here->r->headers_out);
        read_words(here, here->r->err_headers_out);
    }
    secsession_cookies_take(here);
}

void secsession_words_read(const secsession_here_t *here)
{
    if (!here->context->words.is_obeyed) {
        if (here->location->enabled == 1) {
            recognise(here);
        }
        read_headers(here);
    }
    secsession_reserved_strip_response(here);
}

int secsession_words_read_redirect(request_rec *r)
{
    const secsession_here_t from = secsession_here(r->prev ? r->prev : r);

    if (r->prev == NULL || from.context == NULL) {
        return DECLINED;
    }
    if (!from.context->words.is_obeyed) {
        read_headers(&from);
    }
    secsession_reserved_strip_response(&from);
    r->err_headers_out = from.r->err_headers_out;
    return DECLINED;
}

/* --- obeying --------------------------------------------------------------------------------- */

/* Whether the form by which the user has logged in asks to stay signed in. A box that is not ticked
 * has no field, or one that some forms send for it. */
static int is_to_stay(const secsession_here_t *here)
{
    static const char *const no[] = { "", "0", "off", "no", "false" };
    const char *field = here->location->remember_field;
    const char *value = secsession_tee_field(here, field ? field : "remember");

    for (apr_size_t i = 0; value && i < sizeof(no) / sizeof(no[0]); i++) {
        if (strcasecmp(value, no[i]) == 0) {
            return 0;
        }
    }
    return value != NULL;
}

static int begin(const secsession_here_t *here)
{
    const secsession_context_t *context = here->context;
    const secsession_authenticated_t who = { .user = context->words.user,
                                             .method = context->words.method,
                                             .moment = context->moment,
                                             .persistent = is_to_stay(here),
                                             .cookies = context->vaulted.set };

    return secsession_begin_status(here->r, secsession_begin_user(here, &who));
}

/* Returns OK, 403, 502 or 503. */
static int log_in(const secsession_here_t *here)
{
    int status = secsession_guard_check_login(here, here->context->words.user);

    status = status == OK ? secsession_try_check(here) : status;
    status = status == OK ? secsession_cookies_check(here) : status;
    return status == OK ? begin(here) : status;
}

/* Begins a session with the cookies in its vault, if there are any and not only removals. Returns
 * OK, or 503. */
static int begin_for(const secsession_here_t *here)
{
    const secsession_jar_t *jar = here->context->vaulted.jar;

    return jar->nelts == 0 || secsession_begin_visit(here, jar) != SECSESSION_UNAVAILABLE
               ? OK
               : secsession_answer_unavailable(here->r);
}

static int keep_in(const secsession_here_t *here, const secsession_session_t *session,
                   secsession_outcome_t outcome)
{
    if (session) {
        outcome = secsession_store_keep(here->server->store, here->r->pool, session,
                                        here->context->vaulted.set);
        return outcome == SECSESSION_UNAVAILABLE ? secsession_answer_unavailable(here->r) : OK;
    }
    switch (outcome) {
    case SECSESSION_UNAVAILABLE:
        return secsession_answer_unavailable(here->r);
    case SECSESSION_RETIRED:
        return OK; /* another response has given the browser a new token meanwhile */
    default:
        return begin_for(here);
    }
}

/* Keeps the cookies in the vault; if the session has ended meanwhile (I1), or somebody has logged
 * in under another token (I5), nothing is kept. Where there is no session, or this response has
 * ended it, the next one begins with them. Returns OK, 502 or 503. */
static int keep_cookies(const secsession_here_t *here)
{
    const secsession_session_t *session;
    secsession_outcome_t outcome;
    int status;

    if (here->context->vaulted.fields == 0) {
        return OK;
    }
    outcome = secsession_current_session(here, &session);
    if (session == NULL) {
        secsession_cookies_begin_anew(here);
    }
    if (!secsession_cookies_has_news(here)) {
        return OK;
    }
    status = secsession_cookies_check(here);
    return status == OK ? keep_in(here, session, outcome) : status;
}

static int revoke_own(const secsession_here_t *here)
{
    const int revoke_all = here->context->words.revoke_all;
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_current_session(here, &session);

    if (outcome == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(here->r);
    }
    if (outcome != SECSESSION_LIVE) {
        return OK;
    }
    if (secsession_store_revoke_own(here->server->store, here->r->pool, session, !revoke_all,
                                    "the application asked for it")
        == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(here->r);
    }
    if (revoke_all) {
        here->context->outcome = SECSESSION_REVOKED;
        here->context->session = NULL;
        here->context->new_token = NULL;
        here->context->forget = 1;
    }
    return OK;
}

/* Whether the application has been told who asks: what it sets in the answer to a logout may then
 * still be that user's, and is not for whoever comes next. */
static int is_told(const secsession_here_t *here)
{
    const char *forward = here->location->forward;

    return here->r->user || (forward && *forward);
}

/* Ends the session; the cookies of the answer begin the next one. Returns OK, 303 if our own answer
 * is wanted, 502 or 503. */
static int log_out(const secsession_here_t *here)
{
    const secsession_when_t *when = here->location->logout_when;
    int status = secsession_end_by_user(here);

    if (status == OK && when && when->is_answered_by_us) {
        return secsession_answer_see_other(here->r, secsession_config_logout_home(here->location));
    }
    return status == OK && !is_told(here) ? keep_cookies(here) : status;
}

/* Does what the application said, in an order in which no step undoes another. Many applications
 * end what was before they let somebody in, so that in the answer to a form the login is what
 * counts. The cookies come last: they belong to the session that is there then. At a login they go
 * with it. */
static int obey(const secsession_here_t *here, const secsession_words_t *words)
{
    int status = words->user ? log_in(here) : OK;

    if (status == OK && (words->revoke_others || words->revoke_all)) {
        status = revoke_own(here);
    }
    if (status != OK || words->user) {
        return status;
    }
    return words->log_out ? log_out(here) : keep_cookies(here);
}

int secsession_words_obey(const secsession_here_t *here)
{
    secsession_words_t *words = &here->context->words;

    if (words->is_obeyed) {
        return OK;
    }
    words->is_obeyed = 1;
    if (words->user && words->log_out && !here->context->is_posted) {
        contradict(here->r, words, "logs a user in and out at once");
    }
    return words->is_wrong ? HTTP_BAD_GATEWAY : obey(here, words);
}
