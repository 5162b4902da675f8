/* Corrects cookies without attributes, session ids in URLs, and responses without a
 * Referrer-Policy. */
#include "http/application/harden.h"

#include <apr_fnmatch.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>
#include <stdatomic.h>

#include "http/application/hardening.h"
#include "http/parse/attributes.h"
#include "http/parse/url.h"
#include "http/request/address.h"
#include "http/request/current.h"
#include "session/span.h"

APLOG_USE_MODULE(secsession);

#define REFERRER_POLICY "strict-origin-when-cross-origin"

/* Cookies that are there for scripts, which send their values back in a header field against
 * requests from other sites: those of Django, and of Angular, Laravel and Spring. */
static const char *const DEFAULT_EXCEPT[] = { "csrftoken", "XSRF-*", NULL };

/* --- logs and events -------------------------------------------------------------------------- */

/* Whether `text` has not been reported in the current minute yet, as far as this process knows. If
 * two texts share an entry of the table, one of them may be reported more often. */
static int is_news(const char *text)
{
    static atomic_ullong told[256];
    unsigned long long mark = 14695981039346656037ULL; /* FNV-1a */

    for (; *text; text++) {
        mark = (mark ^ (unsigned char)*text) * 1099511628211ULL;
    }
    mark ^= (unsigned long long)(apr_time_now() / apr_time_from_sec(60)) << 8;
    return atomic_exchange(&told[mark & 0xFF], mark) != mark;
}

/* Writes an event to the audit trail if the request has a session; without one, strangers could
 * fill the table. The database writes at most one a minute for each session; most statements that
 * would write nothing are not even sent. */
static void record(const secsession_here_t *here, const char *name, const char *place)
{
    request_rec *r = here->r;
    const secsession_session_t *session;

    if (secsession_current_session(here, &session) == SECSESSION_LIVE && is_news(session->id)) {
        secsession_store_session_id_in_url(here->server->store, r->pool, session,
                                           secsession_address_of(r), name, place);
    }
}

static void tell_of_response(const secsession_here_t *here, const char *name)
{
    request_rec *r = here->r;

    if (is_news(name)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            "SS222: the application sends URLs with the session id %s, which is removed: configure "
            "it to use only cookies (PHP: session.use_trans_sid=0; Java: tracking-mode COOKIE)",
            name);
    }
    record(here, name, "response");
}

/* --- requests --------------------------------------------------------------------------------- */

/* The request line, "GET /target HTTP/1.1", without ids. REQUEST_URI and the access log are made
 * from it. */
static const char *clean_request_line(request_rec *r, const secsession_hardening_t *policy,
                                      secsession_url_ids_t *ids)
{
    const char *start = r->the_request, *end;
    const char *target, *clean;

    while (*start && !apr_isspace(*start)) {
        start++;
    }
    while (apr_isspace(*start)) {
        start++;
    }
    for (end = start; *end && !apr_isspace(*end);) {
        end++;
    }
    target = apr_pstrmemdup(r->pool, start, (apr_size_t)(end - start));
    clean = secsession_url_clean_target(r->pool, target, policy->names, ids);
    return clean == target ? r->the_request
                           : apr_pstrcat(r->pool,
                                         apr_pstrmemdup(r->pool, r->the_request,
                                                        (apr_size_t)(start - r->the_request)),
                                         clean, end, NULL);
}

/* Removes ids from all copies of the URL in a request. */
static void clean_request(request_rec *r, const secsession_hardening_t *policy,
                          secsession_url_ids_t *ids)
{
    const char *uri = secsession_url_clean_path(r->pool, r->uri, policy->names, ids);

    if (uri != r->uri) {
        /* Both must be the same string: httpd decodes one in place and reads the other. */
        r->uri = r->parsed_uri.path = apr_pstrdup(r->pool, uri);
    }
    if (r->args) {
        const char *args = secsession_url_clean_query(r->pool, r->args, policy->names, ids);

        if (args != r->args) {
            r->args = r->parsed_uri.query = *args ? apr_pstrdup(r->pool, args) : NULL;
        }
    }
    r->unparsed_uri = apr_pstrdup(r->pool, secsession_url_clean_target(r->pool, r->unparsed_uri,
                                                                       policy->names, ids));
    r->the_request = apr_pstrdup(r->pool, clean_request_line(r, policy, ids));
}

static int is_ours(const secsession_here_t *here, const secsession_hardening_t *policy)
{
    const request_rec *r = here->r;

    return here->context && policy->parts & SECSESSION_HARDEN_URLS && r->proxyreq != PROXYREQ_PROXY
           && r->unparsed_uri && r->the_request;
}

/* Whether no id is in what a client has asked for, as nearly always. */
static int is_clean(request_rec *r, const secsession_hardening_t *policy)
{
    secsession_url_ids_t ids = { 0 };

    secsession_url_clean_target(r->pool, r->unparsed_uri, policy->names, &ids);
    return ids.name == NULL && r->main == NULL && r->prev == NULL;
}

int secsession_harden_request(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    secsession_hardening_t policy = secsession_hardening_of(r->pool, here.location);
    secsession_url_ids_t ids = { 0 };

    if (!is_ours(&here, &policy) || is_clean(r, &policy)) {
        return DECLINED;
    }
    clean_request(r, &policy, &ids);
    if (ids.is_odd) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS223: request refused: without the session id %s, programs would disagree "
                      "about the meaning of its path",
                      ids.name);
        record(&here, ids.name, "request");
        return HTTP_FORBIDDEN;
    }
    if (ids.name && r->main == NULL) {
        if (r->prev) {
            tell_of_response(&here, ids.name); /* a local redirect of an application */
        } else {
            here.context->url_id = ids.name;
        }
    }
    return DECLINED;
}

/* mod_rewrite has already put the path into the environment. */
static void clean_environment(request_rec *r, const secsession_hardening_t *policy)
{
    static const char *const variables[] = { "SCRIPT_URL", "SCRIPT_URI" };
    secsession_url_ids_t ids = { 0 };

    for (apr_size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = apr_table_get(r->subprocess_env, variables[i]);

        if (value) {
            apr_table_setn(r->subprocess_env, variables[i],
                           secsession_url_clean_target(r->pool, value, policy->names, &ids));
        }
    }
}

/* Removes ids from a request if only a <Directory> or the like has SecSessionHarden. By then the
 * path has been mapped to a file already; the query has not been used yet, except by a proxy.
 * Returns whether no id is left that the application could see. */
static int clean_late(const secsession_here_t *here, const secsession_hardening_t *policy)
{
    request_rec *r = here->r;
    secsession_url_ids_t asked_for = { 0 }, ids = { 0 };

    secsession_url_clean_target(r->pool, r->unparsed_uri, policy->names, &asked_for);
    if (asked_for.name == NULL) {
        return 1;
    }
    here->context->url_id = asked_for.name;
    clean_request(r, policy, &ids);
    clean_environment(r, policy);
    return !asked_for.in_path && r->proxyreq == PROXYREQ_NONE;
}

int secsession_harden_check(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    secsession_hardening_t policy = secsession_hardening_of(r->pool, here.location);
    const char *name;

    if (r->prev || !is_ours(&here, &policy)) {
        return DECLINED;
    }
    if (!clean_late(&here, &policy) && !(policy.parts & SECSESSION_HARDEN_REFUSE)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "SS224: request refused: it is too late to remove the session id %s from its "
                      "path; write SecSessionHarden or SecSessionVault in a <Location>",
                      here.context->url_id);
        policy.parts |= SECSESSION_HARDEN_REFUSE;
    }
    name = here.context->url_id;
    if (name == NULL) {
        return DECLINED;
    }
    record(&here, name, "request");
    if (policy.parts & SECSESSION_HARDEN_REFUSE) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "SS221: request refused: it has the session id %s in its URL", name);
        return HTTP_FORBIDDEN;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS220: the session id %s was removed from the URL of the request", name);
    return DECLINED;
}

/* --- responses -------------------------------------------------------------------------------- */

/* Whether applications may set Secure cookies. Our own cookie tells: it lacks Secure only on
 * servers that are used without TLS. */
static int is_secure(const secsession_here_t *here)
{
    return strstr(here->server->cookie.flags, "; Secure") != NULL;
}

static int is_excepted(const secsession_hardening_t *policy, const char *name)
{
    for (int i = 0; policy->except && i < policy->except->nelts; i++) {
        if (apr_fnmatch(APR_ARRAY_IDX(policy->except, i, const char *), name, 0) == APR_SUCCESS) {
            return 1;
        }
    }
    for (int i = 0; policy->except == NULL && DEFAULT_EXCEPT[i]; i++) {
        if (apr_fnmatch(DEFAULT_EXCEPT[i], name, 0) == APR_SUCCESS) {
            return 1;
        }
    }
    return 0;
}

/* Whether scripts may read the cookie of this Set-Cookie field. */
static int is_for_scripts(request_rec *r, const secsession_hardening_t *policy, const char *field)
{
    const char *end = field + strcspn(field, "=;");
    const secsession_span_t name = secsession_span_trim(field, end);

    return *end == '='
           && is_excepted(policy,
                          apr_pstrmemdup(r->pool, name.start, (apr_size_t)(name.end - name.start)));
}

static const char *harden_field(const secsession_here_t *here, const apr_table_entry_t *field,
                                const secsession_hardening_t *policy, secsession_url_ids_t *ids)
{
    request_rec *r = here->r;

    if (policy->parts & SECSESSION_HARDEN_COOKIES && strcasecmp(field->key, "Set-Cookie") == 0) {
        return secsession_attributes_harden(r->pool, field->val, is_secure(here),
                                            !is_for_scripts(r, policy, field->val));
    }
    if (policy->parts & SECSESSION_HARDEN_URLS
        && (strcasecmp(field->key, "Location") == 0
            || strcasecmp(field->key, "Content-Location") == 0)) {
        return secsession_url_clean_link(r->pool, field->val, policy->names, ids);
    }
    if (policy->parts & SECSESSION_HARDEN_URLS && strcasecmp(field->key, "Refresh") == 0) {
        return secsession_url_clean_refresh(r->pool, field->val, policy->names, ids);
    }
    if (policy->parts & SECSESSION_HARDEN_URLS && strcasecmp(field->key, "Link") == 0) {
        return secsession_url_clean_links(r->pool, field->val, policy->names, ids);
    }
    return field->val;
}

static apr_table_t *harden_fields(const secsession_here_t *here, const apr_table_t *headers,
                                  const secsession_hardening_t *policy, secsession_url_ids_t *ids)
{
    request_rec *r = here->r;
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;
    apr_table_t *hardened = apr_table_make(r->pool, array->nelts + 1);

    for (int i = 0; i < array->nelts; i++) {
        apr_table_addn(hardened, entries[i].key, harden_field(here, &entries[i], policy, ids));
    }
    return hardened;
}

/* Whether a field of the response may have a URL of the application's. */
static int has_link(const request_rec *r)
{
    static const char *const fields[] = { "Location", "Content-Location", "Refresh", "Link" };

    for (apr_size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (apr_table_get(r->headers_out, fields[i])
            || apr_table_get(r->err_headers_out, fields[i])) {
            return 1;
        }
    }
    return 0;
}

void secsession_harden_response(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_hardening_t policy = secsession_hardening_of_all(here);
    secsession_url_ids_t ids = { 0 };

    if (policy.parts & SECSESSION_HARDEN_COOKIES
        || (policy.parts & SECSESSION_HARDEN_URLS && has_link(r))) {
        r->headers_out = harden_fields(here, r->headers_out, &policy, &ids);
        r->err_headers_out = harden_fields(here, r->err_headers_out, &policy, &ids);
    }
    if (ids.name) {
        tell_of_response(here, ids.name);
    }
    if (policy.parts & SECSESSION_HARDEN_REFERRER
        && apr_table_get(r->headers_out, "Referrer-Policy") == NULL
        && apr_table_get(r->err_headers_out, "Referrer-Policy") == NULL) {
        apr_table_setn(r->headers_out, "Referrer-Policy", REFERRER_POLICY);
    }
}
