/* Adds the cookies of the vault to requests, and collects those of responses for it. */
#include "http/application/cookies.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#include "http/application/vaulted.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/reserved.h"

APLOG_USE_MODULE(secsession);

/* --- requests -------------------------------------------------------------------------------- */

/* Reads the vault, once for each request. Returns OK, or 503. */
static int read_jar(const secsession_here_t *here)
{
    secsession_context_t *context = here->context;
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_current_session(here, &session);

    if (session && context->vaulted.jar == NULL) {
        outcome = secsession_store_vault(here->server->store, secsession_lasting_pool(here->r),
                                         session, &context->vaulted.jar);
    }
    return outcome == SECSESSION_UNAVAILABLE ? secsession_answer_unavailable(here->r) : OK;
}

/* Whether a program finds a Cookie field in this variable: that of the page around this one, or
 * with REDIRECT_ that of an earlier request. */
static int is_of_another(const char *variable, const void *none)
{
    const char *rest;

    while ((rest = secsession_reserved_after(variable, "REDIRECT_")) != NULL) {
        variable = rest;
    }
    return secsession_reserved_is_same(variable, "HTTP_COOKIE");
}

/* httpd makes the variable of the new field from it. */
static void set_cookie_field(request_rec *r, const char *field)
{
    r->subprocess_env = secsession_reserved_without(r->pool, r->subprocess_env, is_of_another,
                                                    NULL);
    if (field) {
        apr_table_setn(r->headers_in, "Cookie", field);
    } else {
        apr_table_unset(r->headers_in, "Cookie");
    }
}

/* An internal redirect has the same header fields as its first request, but may be for a location
 * with other patterns. So the browser's own field is remembered, and each redirect starts from
 * it. */
int secsession_cookies_apply(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    secsession_context_t *context = here.context;
    const int is_on = secsession_vaulted_is_on(&here);
    const char *own, *kept = NULL;
    int status;

    if (context == NULL || (!is_on && !context->vaulted.is_applied)) {
        return DECLINED;
    }
    if (!context->vaulted.is_applied) {
        context->vaulted.is_applied = 1;
        context->vaulted.own = apr_table_get(r->headers_in, "Cookie");
    }
    if (!is_on) {
        set_cookie_field(r, context->vaulted.own);
        return DECLINED;
    }
    /* The answer to TRACE repeats all fields of the request (RFC 9110, 9.3.8). */
    status = r->method_number == M_TRACE ? OK : read_jar(&here);
    if (status != OK) {
        return status;
    }
    if (context->vaulted.jar && r->method_number != M_TRACE) {
        const secsession_asker_t asker = secsession_vaulted_asker(r);

        kept = secsession_jar_field(r->pool, context->vaulted.jar, &asker,
                                    apr_time_sec(r->request_time));
    }
    own = secsession_vaulted_without(&here, context->vaulted.own, kept != NULL);
    if (own && kept) {
        kept = apr_pstrcat(r->pool, kept, "; ", own, NULL);
    }
    set_cookie_field(r, kept ? kept : own);
    return DECLINED;
}

/* httpd does not run the header_parser hooks for a subrequest, and its header fields may be the
 * table of its main request, so that they are copied first. A session that was found by its client
 * was not known yet when these hooks ran. */
int secsession_cookies_apply_late(request_rec *r)
{
    if (r->main == NULL) {
        const secsession_here_t here = secsession_here(r);

        return here.context && here.context->is_found ? secsession_cookies_apply(r) : DECLINED;
    }
    r->headers_in = apr_table_copy(r->pool, r->headers_in);
    return secsession_cookies_apply(r);
}

/* --- responses ------------------------------------------------------------------------------- */

/* Each cookie is compared with all that the jar holds, so that a response has to stop somewhere.
 * Setting all cookies of a full vault anew, and removing all that were there, is less than this. */
#define MOST_FIELDS (4 * SECSESSION_JAR_COOKIES)

static void add(request_rec *r, secsession_vaulted_t *vaulted, const secsession_kept_t *cookie)
{
    if (vaulted->set == NULL) {
        vaulted->set = secsession_jar_make(r->pool);
        vaulted->jar = vaulted->jar ? vaulted->jar : secsession_jar_make(r->pool);
    }
    secsession_jar_note(vaulted->set, cookie);
    if (secsession_jar_set(vaulted->jar, cookie, apr_time_sec(r->request_time))) {
        vaulted->is_news = 1;
        vaulted->last = cookie->value ? cookie->name : vaulted->last;
    }
}

void secsession_cookies_add(const secsession_here_t *here, const secsession_kept_t *cookie)
{
    here->context->vaulted.fields++;
    add(here->r, &here->context->vaulted, cookie);
}

static void collect(request_rec *r, const secsession_asker_t *asker, secsession_vaulted_t *vaulted,
                    const char *field)
{
    apr_int64_t now = apr_time_sec(r->request_time);
    secsession_kept_t cookie;

    if (vaulted->fields == MOST_FIELDS) {
        vaulted->is_over = 1;
        return;
    }
    vaulted->fields++;
    if (!secsession_jar_parse(r->pool, field, asker, now, &cookie)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS216: a cookie for the vault was not kept, since no browser would keep it: "
                      "check the Domain, the prefix and the length of the cookies that %s sets",
                      r->uri);
        return;
    }
    add(r, vaulted, &cookie);
}

/* Returns the header fields without those that set a cookie which belongs into the vault; these are
 * collected. */
static apr_table_t *take_from(const secsession_here_t *here, apr_table_t *headers)
{
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;
    request_rec *r = here->r;
    secsession_asker_t asker;
    apr_table_t *kept;

    if (apr_table_get(headers, "Set-Cookie") == NULL) {
        return headers;
    }
    asker = secsession_vaulted_asker(r);
    kept = apr_table_make(r->pool, array->nelts);
    for (int i = 0; i < array->nelts; i++) {
        if (strcasecmp(entries[i].key, "Set-Cookie") == 0
            && secsession_vaulted_takes(here, entries[i].val)) {
            collect(r, &asker, &here->context->vaulted, entries[i].val);
        } else {
            apr_table_addn(kept, entries[i].key, entries[i].val);
        }
    }
    return kept;
}

void secsession_cookies_take(const secsession_here_t *here)
{
    request_rec *r = here->r;

    if (here->context && secsession_vaulted_is_on(here)) {
        r->headers_out = take_from(here, r->headers_out);
        r->err_headers_out = take_from(here, r->err_headers_out);
    }
}

int secsession_cookies_has_news(const secsession_here_t *here)
{
    const secsession_vaulted_t *vaulted = &here->context->vaulted;

    return vaulted->is_over || vaulted->is_news;
}

void secsession_cookies_begin_anew(const secsession_here_t *here)
{
    secsession_vaulted_t *vaulted = &here->context->vaulted;
    const secsession_jar_t *set = vaulted->set;

    vaulted->jar = secsession_jar_make(here->r->pool);
    vaulted->is_news = 0;
    for (int i = 0; set && i < set->nelts; i++) {
        vaulted->is_news |= secsession_jar_set(vaulted->jar,
                                               &APR_ARRAY_IDX(set, i, secsession_kept_t),
                                               apr_time_sec(here->r->request_time));
    }
}

int secsession_cookies_check(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const secsession_vaulted_t *vaulted = &here->context->vaulted;

    if (vaulted->is_over) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "SS268: the response of %s sets more than %d cookies for the vault, and is not "
            "sent: let SecSessionVault name fewer cookies, or correct the application",
            r->uri, MOST_FIELDS);
        return HTTP_BAD_GATEWAY;
    }
    if (vaulted->jar == NULL || secsession_jar_fits(vaulted->jar)) {
        return OK;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, 0, r,
        "SS217: with the cookie %s the vault of a session would hold more than %d "
        "cookies or %d bytes, so that the response of %s is not sent: let SecSessionVault "
        "name fewer cookies",
        ap_escape_logitem(r->pool, vaulted->last ? vaulted->last : ""), SECSESSION_JAR_COOKIES,
        SECSESSION_JAR_BYTES, r->uri);
    return HTTP_BAD_GATEWAY;
}
