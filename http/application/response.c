/* The output filter that every response of a virtual host with sessions passes before its first
 * byte is sent. Everything that this module does to responses is called from here, in a fixed
 * order. */
#include "http/application/response.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "http/access/authn.h"
#include "http/access/refusal.h"
#include "http/application/caches.h"
#include "http/application/flight.h"
#include "http/application/harden.h"
#include "http/application/tunnel.h"
#include "http/application/words.h"
#include "http/parse/scopes.h"
#include "http/request/answer.h"
#include "http/request/current.h"
#include "http/request/end.h"
#include "http/request/navigation.h"
#include "http/request/rotate.h"
#include "http/request/why.h"

/* Fields that delete our cookie elsewhere; servers in between limit the size of a response's
 * head. */
#define MOST_SCOPES 40

static ap_filter_rec_t *filter;

/* If the user stays signed in, the browser keeps the cookie as long as the session can last. */
static const char *max_age(apr_pool_t *pool, const secsession_context_t *context, int is_set)
{
    if (!is_set) {
        return "; Max-Age=0";
    }
    return context->session && context->session->persistent
               ? apr_psprintf(pool, "; Max-Age=%" APR_INT64_T_FMT, context->session->left_ms / 1000)
               : "";
}

#define LATE apr_time_from_sec(2)

/* An application may answer when its user has logged in again meanwhile, and then what the answer
 * says about the old cookie would be taken for the new one: what comes late leaves that to the next
 * response. Nobody logs in within LATE. */
static int is_late(const secsession_here_t *here)
{
    return here->context->is_of_application
           && apr_time_now() - secsession_first_request(here->r)->request_time >= LATE;
}

/* Whether the response deletes the cookie. */
static int is_to_be_deleted(const secsession_here_t *here)
{
    const secsession_context_t *context = here->context;

    return context->forget || (context->is_useless && !is_late(here));
}

/* The token that the response sets, or NULL. That of several cookies which is used gets our own
 * scope, since the others are deleted. */
static const char *token_to_set(const secsession_here_t *here)
{
    const secsession_context_t *context = here->context;

    if (context->new_token) {
        return context->new_token;
    }
    return (context->outcome == SECSESSION_LIVE || context->outcome == SECSESSION_ANONYMOUS)
                   && !context->forget && !is_late(here)
               ? context->chosen
               : NULL;
}

/* Whoever meets the end of a session with a script gets no page that says why. So the cookie keeps
 * the reason, and not for longer than until a page is asked for. NULL: it is deleted. */
static const char *reason_to_keep(const secsession_here_t *here)
{
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_current_session(here, &session);

    return secsession_navigation_is_of_page(secsession_first_request(here->r))
               ? secsession_why_value(here->r->pool, outcome)
               : NULL;
}

/* Deletes the cookies of our name in every scope but our own. That of a __Host- cookie is always
 * the same. They come before our own field: a browser for which two scopes are one keeps what comes
 * last. */
static void delete_others(const secsession_here_t *here)
{
    const secsession_cookie_t *cookie = &here->server->cookie;
    request_rec *r = here->r;
    const apr_array_header_t *scopes;

    if (strncasecmp(cookie->name, "__Host-", 7) == 0) {
        return;
    }
    scopes = secsession_scopes_of(r->pool, secsession_asked_for(r), r->hostname, MOST_SCOPES);
    for (int i = 0; i < scopes->nelts; i++) {
        const char *scope = APR_ARRAY_IDX(scopes, i, const char *);

        if (strcmp(scope, cookie->scope) != 0) {
            apr_table_addn(r->err_headers_out, "Set-Cookie",
                           apr_pstrcat(r->pool, cookie->name, "=", scope, cookie->flags,
                                       "; SameSite=", cookie->same_site, "; Max-Age=0", NULL));
        }
    }
}

/* Adds our Set-Cookie field to the response (RFC 6265bis, 4.1.1), if the cookie has to be set or
 * deleted. A deletion must repeat the attributes, or browsers refuse it for a __Host- cookie.
 * Returns whether there is such a field. */
static int set_cookie(const secsession_here_t *here)
{
    const secsession_cookie_t *cookie = &here->server->cookie;
    const secsession_context_t *context = here->context;
    const char *token = token_to_set(here), *value;
    apr_pool_t *pool = here->r->pool;

    if (token == NULL && !is_to_be_deleted(here)) {
        return 0;
    }
    value = token ? token : reason_to_keep(here);
    if (context->presented == SECSESSION_COOKIE_SEVERAL) {
        delete_others(here);
    }
    apr_table_addn(here->r->err_headers_out, "Set-Cookie",
                   apr_pstrcat(pool, cookie->name, "=", value ? value : "", cookie->attributes,
                               max_age(pool, context, value != NULL), NULL));
    return 1;
}

/* Sends an error or a redirect of ours in place of the application's response, of which nothing has
 * been sent yet. */
static apr_status_t replace(ap_filter_t *f, apr_bucket_brigade *brigade, int status,
                            const char *location)
{
    request_rec *r = f->r;
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;

    apr_table_clear(r->headers_out);
    apr_table_clear(r->err_headers_out);
    if (location) {
        apr_table_setn(r->headers_out, "Location", location);
    }
    r->status = HTTP_OK; /* otherwise httpd would take this for an error in an ErrorDocument */
    r->status_line = NULL;
    r->content_encoding = NULL;
    r->content_languages = NULL;
    apr_brigade_cleanup(brigade);
    APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(status, NULL, r->pool, allocator));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    return ap_pass_brigade(f->next, brigade);
}

/* Step 3 below: whose session has ended meanwhile gets the answer of those who have none. */
static int refusal(const secsession_here_t *here, const apr_bucket_brigade *brigade,
                   const char **location)
{
    int status;

    switch (secsession_flight_begin(here, brigade)) {
    case SECSESSION_LIVE:
        return OK;
    case SECSESSION_UNAVAILABLE:
        return HTTP_SERVICE_UNAVAILABLE;
    default:
        status = secsession_authn_demand(here, SECSESSION_UNKNOWN);
        *location = status == HTTP_SEE_OTHER ? apr_table_get(here->r->headers_out, "Location")
                                             : NULL;
        return status;
    }
}

/* Steps 1 to 3 below. Returns the status of the response that replaces this one and sets *location
 * if it is a redirect, or OK if this response is sent. */
static int replacement(const secsession_here_t *here, const apr_bucket_brigade *brigade,
                       const char **location)
{
    const secsession_context_t *context = here->context;
    int status;

    secsession_words_read(here);
    status = secsession_words_obey(here);
    *location = status == HTTP_SEE_OTHER ? apr_table_get(here->r->headers_out, "Location") : NULL;
    if (status == OK && context->fresh_within && !context->replaced_by
        && here->r->status == HTTP_UNAUTHORIZED) {
        status = secsession_authn_demand_fresh(here, location);
        status = status == HTTP_SEE_OTHER ? status : OK;
    }
    if (status == OK && !context->replaced_by) {
        status = refusal(here, brigade, location);
    }
    return status;
}

/* The steps are in an order in which each finds what it needs:
 * 1. What the application says is read, taken out, and obeyed. This comes first because it decides
 *    whose response this is: the application may begin or end the session, or contradict itself,
 *    and then nothing of its response is sent.
 * 2. A refusal because the login is not recent enough becomes a redirect to the login page.
 * 3. A response whose session has ended since the request began is not sent, unless step 1 has
 *    ended it: that is why the response is what it is.
 * 4. Cookies and links of the application are hardened, before our own cookie is among them.
 * 5. The session is offered its next token, after step 1, which may have ended or replaced it.
 * 6. Our cookie is set or deleted, as steps 1 to 5 have decided.
 * 7. Caches are told last, since a response with our cookie must not be cached either.
 *
 * A response that is replaced in steps 1 to 3 becomes an error or a redirect of httpd, which passes
 * this filter a second time, as another response. What the application said is obeyed only once,
 * and `replaced_by` says that the status is ours. */
static apr_status_t look_over(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    const secsession_here_t here = secsession_here(f->r);
    const char *location;
    int status, is_ours;

    ap_remove_output_filter(f);
    secsession_tunnel_note_ordinary(f->r);
    status = replacement(&here, brigade, &location);
    if (status != OK) {
        here.context->replaced_by = status;
        return replace(f, brigade, status, location);
    }
    if (here.context->replaced_by == HTTP_SERVICE_UNAVAILABLE) {
        secsession_answer_unavailable(f->r); /* httpd may have dropped the header fields */
    }
    if (here.context->replaced_by == HTTP_UNAUTHORIZED) {
        secsession_authn_challenge(&here);
    }
    secsession_refusal_set_headers(&here);
    if (here.context->replaced_by == HTTP_SEE_OTHER && here.context->words.log_out) {
        secsession_end_clear(&here);
    }
    secsession_harden_response(&here);
    secsession_rotate_offer(&here);
    is_ours = set_cookie(&here) || here.context->replaced_by;
    secsession_caches_tell(&here, is_ours);
    return ap_pass_brigade(f->next, brigade);
}

/* The ErrorDocument of a request that we have refused is a part of our answer. */
void secsession_response_note_handler(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);
    const int is_ours = here.location->page && *here.location->page;

    if (here.context && r->main == NULL && !is_ours
        && !(r->prev && ap_is_HTTP_ERROR(r->prev->status))) {
        here.context->is_of_application = 1;
    }
}

void secsession_response_insert(request_rec *r)
{
    if (r->main == NULL && secsession_here(r).context) {
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
    }
}

void secsession_response_register(void)
{
    /* This runs after mod_headers, and before mod_cache stores the response. */
    filter = ap_register_output_filter("SECSESSION", look_over, NULL, AP_FTYPE_CONTENT_SET);
}
