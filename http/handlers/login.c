/* Logs users in by a form. Whatever the form says, the answer is a new session, or the login page
 * with the reason why there is none. */
#include "http/handlers/login.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <openssl/crypto.h>

#include "http/access/authn.h"
#include "http/access/refusal.h"
#include "http/handlers/back.h"
#include "http/handlers/form.h"
#include "http/handlers/page.h"
#include "http/parse/target.h"
#include "http/request/address.h"
#include "http/request/answer.h"
#include "http/request/begin.h"
#include "http/request/current.h"
#include "http/request/name.h"
#include "http/request/navigation.h"
#include "http/request/origin.h"
#include "http/request/why.h"
#include "http/users/password.h"

APLOG_USE_MODULE(secsession);

/* Has room for the longest way back, each byte of which may be encoded as three. */
#define FORM_LIMIT 32768

static const char FAILED[] = "The user name or the password is wrong.";
static const char FULL[] =
    "You are already logged in on as many devices as you are allowed. Log out "
    "on one of them, then try again.";
static const char NO_WAY_BACK[] =
    "The address of the page that you asked for cannot be kept: open it again after the login.";
static const char OTHER_USER[] =
    "Only the user who is logged in can continue here. To log in as another user, log out first.";

static const char *local_or_null(const char *target)
{
    return secsession_target_is_local(target) ? target : NULL;
}

/* Where a login leads that began with this target, which may be NULL. */
static const char *destination(const secsession_here_t *here, const char *target)
{
    const char *home = here->location->login_home ? here->location->login_home : "/";

    return target ? target : home;
}

/* Whether to send a user who is logged in to the destination, with nothing to explain and no error
 * to show (r->status is that of the error if the page is an ErrorDocument). This page itself would
 * only lead here again. */
static int is_to_go_on(const secsession_here_t *here, const char *why, const char *target)
{
    const char *path = destination(here, target);
    const apr_size_t length = strcspn(path, "?#");

    return why == NULL && here->r->status == HTTP_OK
           && !(strlen(here->r->uri) == length && strncmp(path, here->r->uri, length) == 0);
}

/* What the page says at first, or NULL. */
static const char *greeting(request_rec *r, const char *why, const char *wanted)
{
    const char *reason = secsession_why_message(why);

    if (wanted == NULL || secsession_target_is_local(wanted)) {
        return reason;
    }
    return reason ? apr_pstrcat(r->pool, reason, " ", NO_WAY_BACK, NULL) : NO_WAY_BACK;
}

static int show_form(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;
    const char *why = secsession_form_get(r->pool, r->args, "why");
    const char *wanted = secsession_form_get(r->pool, r->args, "return");
    secsession_login_page_t page = { greeting(r, why, wanted), NULL, local_or_null(wanted), NULL };

    if (session && session->user && is_to_go_on(here, why, page.target)) {
        return secsession_answer_see_other(r, destination(here, page.target));
    }
    if (secsession_navigation_is_framed(r)) {
        return secsession_page_send_framed(r, "Log in", page.message, 1);
    }
    if (why && strcmp(why, "fresh") == 0 && session && session->user) {
        page.user = session->user;
        page.again = "1";
    }
    return secsession_page_send_login(here, r->status, &page);
}

/* The answer is the same for a wrong password, an unknown user, and a text that cannot be a user
 * name, so that nobody learns which users exist. */
static int refuse(const secsession_here_t *here, const char *user, const char *target)
{
    const secsession_login_page_t page = { FAILED, secsession_name(here, user), target, NULL };

    secsession_authn_challenge(here);
    return secsession_page_send_login(here, HTTP_UNAUTHORIZED, &page);
}

/* The answer is the same for every user name, so that nobody learns which users exist. */
static int ask_to_wait(const secsession_here_t *here, int seconds, const char *target)
{
    request_rec *r = here->r;
    const secsession_login_page_t page = {
        apr_psprintf(r->pool, "There were too many attempts. Please try again in %d %s.",
                     seconds < 120 ? seconds : (seconds + 59) / 60,
                     seconds < 120 ? "seconds" : "minutes"),
        NULL, target, NULL
    };

    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS219: too many attempts to log in to realm %s from %s: the next one is allowed "
                  "in %d seconds, or at once after reset-throttle.sql",
                  here->server->realm, r->useragent_ip, seconds);
    apr_table_setn(r->err_headers_out, "Retry-After", apr_itoa(r->pool, seconds));
    return secsession_page_send_login(here, HTTP_TOO_MANY_REQUESTS, &page);
}

static int note_failure(const secsession_here_t *here, const secsession_attempt_t *attempt,
                        const char *reason)
{
    request_rec *r = here->r;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "SS204: login failed in realm %s for user %s: %s",
                  attempt->realm, *attempt->user ? attempt->user : "(not a user name)", reason);
    return secsession_store_login_failed(here->server->store, r->pool, attempt, reason)
           == SECSESSION_DONE;
}

/* What the form contains. */
typedef struct {
    const char *user;
    char *password;
    const char *target; /* the path to return to; NULL: none, or none on this host */
    const char *again;  /* the user of the session, who authenticates once more; NULL: anybody */
    int persistent;
    const secsession_stamp_t *stamp; /* of the user's record, after the password was checked */
} form_t;

/* Begins a session for the user (I5), and redirects the browser. */
static int begin(const secsession_here_t *here, const form_t *form,
                 const secsession_attempt_t *attempt, const char *user, const char *moment)
{
    request_rec *r = here->r;
    static const secsession_login_page_t full = { FULL, NULL, NULL, NULL };
    const secsession_authenticated_t who = { .user = user,
                                             .method = "form",
                                             .attempt = attempt->most > 0 ? attempt->user : NULL,
                                             .moment = moment,
                                             .persistent = form->persistent,
                                             .stamp = form->stamp };

    switch (secsession_begin_user(here, &who)) {
    case SECSESSION_LIVE:
        break;
    case SECSESSION_REVOKED:
        return refuse(here, user, form->target);
    case SECSESSION_FULL:
        return secsession_page_send_login(here, HTTP_FORBIDDEN, &full);
    default:
        return secsession_answer_unavailable(r);
    }
    return secsession_answer_see_other(r, secsession_back_target(here,
                                                                 destination(here, form->target)));
}

/* Only now is it known whom the provider takes for the user. */
static int refuse_other(const secsession_here_t *here, const form_t *form,
                        const secsession_attempt_t *attempt)
{
    const secsession_login_page_t page = { OTHER_USER, form->again, form->target, "1" };

    (void)secsession_store_login_undecided(here->server->store, here->r->pool, attempt);
    return secsession_page_send_login(here, HTTP_FORBIDDEN, &page);
}

static int fail(const secsession_here_t *here, const form_t *form,
                const secsession_attempt_t *attempt)
{
    return note_failure(here, attempt, "wrong user name or password")
               ? refuse(here, form->user, form->target)
               : secsession_answer_unavailable(here->r);
}

/* The attempt has been counted, at this moment of the database. */
static int check(const secsession_here_t *here, form_t *form, const secsession_attempt_t *attempt,
                 const char *moment)
{
    request_rec *r = here->r;
    const char *user = attempt->user;

    switch (*user ? secsession_password_check(r, &user, form->password, &form->stamp)
                  : secsession_password_refuse()) {
    case SECSESSION_PASSWORD_RIGHT:
        user = secsession_name(here, user);
        if (user == NULL) {
            return fail(here, form, attempt);
        }
        if (form->again && strcmp(user, form->again) != 0) {
            return refuse_other(here, form, attempt);
        }
        return begin(here, form, attempt, user, moment);
    case SECSESSION_PASSWORD_WRONG:
        return fail(here, form, attempt);
    default:
        (void)secsession_store_login_undecided(here->server->store, r->pool, attempt);
        return secsession_answer_unavailable(r);
    }
}

/* The moment is read before the password is checked, so that a revocation which commits in between
 * refuses the login (I2). */
static int try(const secsession_here_t *here, form_t *form)
{
    request_rec *r = here->r;
    const secsession_server_config_t *server = here->server;
    const char *name = secsession_name(here, form->user);
    const secsession_attempt_t attempt = { .realm = server->realm,
                                           .user = name ? name : "",
                                           .client_addr = secsession_address_of(r),
                                           .most = server->throttle.most,
                                           .within = server->throttle.within };
    const char *moment = NULL;
    int wait;

    switch (secsession_store_login_begin(server->store, r->pool, &attempt, &moment, &wait)) {
    case SECSESSION_DONE:
        return check(here, form, &attempt, moment);
    case SECSESSION_THROTTLED:
        return ask_to_wait(here, wait, form->target);
    default:
        return secsession_answer_unavailable(r);
    }
}

static int says(request_rec *r, const char *text, const char *field)
{
    const char *value = secsession_form_get(r->pool, text, field);

    return value && *value;
}

/* A user who stays signed in and authenticates once more need not tick "remember" again. */
static form_t read_form(request_rec *r, const char *text, const secsession_session_t *session)
{
    const char *target = secsession_form_get(r->pool, text, "return");
    form_t form = { .user = secsession_form_get(r->pool, text, "username"),
                    .password = secsession_form_get(r->pool, text, "password"),
                    .target = local_or_null(target),
                    .again = session && says(r, text, "again") ? session->user : NULL };

    form.persistent = says(r, text, "remember") || (form.again && session->persistent);
    return form;
}

static int log_in(const secsession_here_t *here, const secsession_session_t *session)
{
    request_rec *r = here->r;
    form_t form;
    char *text;
    int status;

    if (secsession_origin_is_stranger(here)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            "SS209: a login form from another site was refused; if this was your own page, check "
            "that the proxy passes on the Host header of the browser (ProxyPreserveHost On)");
        return secsession_refusal_of_stranger(here);
    }
    status = secsession_form_read(r, FORM_LIMIT, &text);
    if (status != OK) {
        return status;
    }
    form = read_form(r, text, session);
    OPENSSL_cleanse(text, strlen(text));
    if (form.user == NULL || form.password == NULL) {
        return HTTP_BAD_REQUEST;
    }
    status = try(here, &form);
    OPENSSL_cleanse(form.password, strlen(form.password));
    return status;
}

int secsession_login_answer(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const secsession_session_t *session;

    if (here.location->enabled != 1) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS210: the handler secsession-login requires SecSession On at %s", r->uri);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (secsession_current_session(&here, &session) == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(r);
    }
    switch (r->method_number) {
    case M_GET:
        return show_form(&here, session);
    case M_POST:
        return log_in(&here, session);
    default:
        return secsession_answer_other_method(r);
    }
}
