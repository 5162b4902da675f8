/* Recognises logins and logouts by the responses of an application. */
#include "http/application/recognise.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_log.h>

#include "http/application/tee.h"
#include "http/application/try.h"
#include "http/application/vaulted.h"
#include "http/request/current.h"
#include "http/request/name.h"
#include "session/standing.h"

APLOG_USE_MODULE(secsession);

/* The last match of an expression: its groups, and the text in which they are. */
typedef struct {
    ap_regmatch_t groups[AP_MAX_REG_MATCH];
    const char *source;
} match_t;

static int add_value(void *fields, const char *name, const char *value)
{
    APR_ARRAY_PUSH((apr_array_header_t *)fields, const char *) = value;
    return 1;
}

/* Leaves the Set-Cookie fields in the table that count in the end. */
static void settle_cookies(request_rec *r, apr_table_t *headers, int is_with_removed)
{
    const secsession_asker_t asker = secsession_vaulted_asker(r);
    apr_array_header_t *fields = apr_array_make(r->pool, 8, sizeof(const char *));

    apr_table_do(add_value, fields, headers, "Set-Cookie", NULL);
    apr_table_unset(headers, "Set-Cookie");
    fields = secsession_standing(r->pool, fields, &asker, apr_time_sec(r->request_time),
                                 is_with_removed);
    for (int i = 0; i < fields->nelts; i++) {
        apr_table_addn(headers, "Set-Cookie", APR_ARRAY_IDX(fields, i, const char *));
    }
}

/* The header fields of the response as an expression sees them. ap_expr reads only the first field
 * of each name, and err_headers_out, where those of CGI are, only for what headers_out has not, so
 * that all fields are merged. The overlay is copied because it shares memory with its tables, which
 * compressing changes. */
static apr_table_t *fields_of(request_rec *r, int is_with_removed)
{
    apr_table_t *headers =
        apr_table_copy(r->pool, apr_table_overlay(r->pool, r->err_headers_out, r->headers_out));

    if (apr_table_get(headers, "Set-Cookie")) {
        settle_cookies(r, headers, is_with_removed);
    }
    apr_table_compress(headers, APR_OVERLAP_TABLES_MERGE);
    return headers;
}

/* Whether the expression is true for the response. */
static int is_so(request_rec *r, const ap_expr_info_t *expression, int is_with_removed,
                 match_t *match)
{
    apr_table_t *headers = r->headers_out, *others = r->err_headers_out;
    const char *error = NULL;
    int result;

    match->source = NULL;
    r->headers_out = fields_of(r, is_with_removed);
    r->err_headers_out = apr_table_make(r->pool, 0);
    result = ap_expr_exec_re(r, expression, AP_MAX_REG_MATCH, match->groups, &match->source,
                             &error);
    r->headers_out = headers;
    r->err_headers_out = others;
    if (error || result < 0) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS213: SecSessionLoginWhen, SecSessionLogoutWhen or SecSessionLoginTry cannot "
            "be evaluated: %s",
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

static int is_session_of(const secsession_here_t *here, const char *user)
{
    const secsession_session_t *session;

    return secsession_current_session(here, &session) == SECSESSION_LIVE
           && secsession_name_is(here, user, session->user);
}

/* The answer names the user, or the application has only one. If it is the user of the session, the
 * application has not checked a password. */
static void read_answer(const secsession_here_t *here, const char *user,
                        secsession_recognised_t *found)
{
    if (user == NULL) {
        found->wrong = "has logged somebody in, but the group of SecSessionLoginWhen that should "
                       "be the user name did not match";
    } else if (!is_session_of(here, user)) {
        found->user = user;
    }
}

/* The form names the user. The form of a logout names nobody: whatever its answer sets then is for
 * the visitor who is left. */
static void read_form(const secsession_here_t *here, const char *field,
                      secsession_recognised_t *found)
{
    found->user = secsession_tee_field(here, field);
    if (found->user == NULL && !found->log_out) {
        found->wrong = apr_pstrcat(here->r->pool,
                                   "has logged somebody in, but the request has no field ", field,
                                   " that all programs read in the same way, or is longer than "
                                   "64 KiB",
                                   NULL);
    }
}

/* A request before this one has named the user. Many applications show that they know their user
 * with each page from then on. */
static void read_try(const secsession_here_t *here, secsession_recognised_t *found)
{
    const secsession_try_t *tried = here->context->tried;
    const secsession_session_t *session;

    found->user = secsession_try_confirm(here);
    if (found->user == NULL
        && ((tried && !tried->is_clear)
            || secsession_current_session(here, &session) != SECSESSION_LIVE)) {
        found->wrong = "has logged somebody in, but in this session no name, or more than one, was "
                       "tried in the last 10 minutes";
    }
}

static void recognise_login(const secsession_here_t *here, const secsession_when_t *when,
                            secsession_recognised_t *found)
{
    request_rec *r = here->r;
    match_t match;

    if (when == NULL || when->expression == NULL || (when->field && r->method_number != M_POST)
        || !is_so(r, when->expression, 0, &match)) {
        return;
    }
    if (when->field) {
        read_form(here, when->field, found);
    } else if (when->is_tried) {
        read_try(here, found);
    } else {
        read_answer(here, when->user ? when->user : matched(r, &match, when->group), found);
    }
}

secsession_recognised_t secsession_recognise(const secsession_here_t *here)
{
    const secsession_when_t *logout = here->location->logout_when;
    const secsession_when_t *try = here->location->login_try;
    secsession_recognised_t found = { .log_out = 0 };
    match_t match;

    found.log_out = logout && logout->expression && is_so(here->r, logout->expression, 1, &match);
    found.takes_name = try && try->expression && here->context->tried
                       && is_so(here->r, try->expression, 0, &match);
    recognise_login(here, here->location->login_when, &found);
    return found;
}
