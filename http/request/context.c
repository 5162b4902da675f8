/* See context.h. */
#include "http/request/context.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <openssl/crypto.h>

#include "http/application/environment.h"
#include "http/application/words.h"
#include "http/request/address.h"
#include "http/setup/config.h"
#include "http/users/stamp.h"
#include "session/policy.h"

static request_rec *first_request(request_rec *r)
{
    while (r->main || r->prev) {
        r = r->main ? r->main : r->prev;
    }
    return r;
}

/* httpd has decoded parsed_uri; it may be an absolute URI, as to a proxy. */
const char *secsession_context_asked_for(const request_rec *r)
{
    const char *uri, *authority;

    while (r->main || r->prev) {
        r = r->main ? r->main : r->prev;
    }
    uri = r->unparsed_uri ? r->unparsed_uri : "";
    authority = *uri == '/' ? NULL : strstr(uri, "://");
    return authority ? authority + 3 + strcspn(authority + 3, "/?#") : uri;
}

secsession_context_t *secsession_context_get(request_rec *r)
{
    return ap_get_module_config(first_request(r)->request_config, &secsession_module);
}

static apr_status_t forget_token(void *known)
{
    OPENSSL_cleanse(known, sizeof(secsession_known_token_t));
    return APR_SUCCESS;
}

/* A browser sends the same token with each request of a connection. A stream of HTTP/2 is a
 * connection of its own to modules, for one request. */
static apr_status_t hash_token(conn_rec *connection, const char *text, secsession_hash_t *hash)
{
    secsession_known_token_t *known;

    if (connection->master) {
        return secsession_token_hash(text, strlen(text), hash);
    }
    known = ap_get_module_config(connection->conn_config, &secsession_module);
    if (known == NULL) {
        known = apr_pcalloc(connection->pool, sizeof(*known));
        apr_pool_cleanup_register(connection->pool, known, forget_token, apr_pool_cleanup_null);
        ap_set_module_config(connection->conn_config, &secsession_module, known);
    }
    return secsession_token_hash_known(text, strlen(text), known, hash);
}

/* httpd has joined the Cookie fields of the request into one; other modules may have added some. */
static void take_cookie(request_rec *r, secsession_context_t *context, const char *name)
{
    const char *field = apr_table_get(r->headers_in, "Cookie");
    const char *value, *rest;

    if (field == NULL) {
        return;
    }
    context->presented = secsession_cookie_take(r->pool, field, name, &value, &rest);
    if (rest == NULL) {
        apr_table_unset(r->headers_in, "Cookie");
    } else if (rest != field) {
        apr_table_setn(r->headers_in, "Cookie", rest);
    }
    if (context->presented == SECSESSION_COOKIE_ONE) {
        context->is_token = hash_token(r->connection, value, &context->token) == APR_SUCCESS;
        context->forget = !context->is_token;
    }
}

int secsession_context_begin(request_rec *r)
{
    const secsession_server_config_t *server = secsession_config_server(r);
    request_rec *first = first_request(r);
    secsession_context_t *context;

    /* The ErrorDocument of a request that could not be read comes here before that request did. */
    if (!server->in_use) {
        return DECLINED;
    }
    if (secsession_context_get(r)) {
        if (r->prev) {
            secsession_applogin_read_redirect(r);
        }
        return DECLINED;
    }
    context = apr_pcalloc(first->pool, sizeof(*context));
    context->outcome = SECSESSION_UNKNOWN;
    ap_set_module_config(first->request_config, &secsession_module, context);
    take_cookie(r, context, server->cookie.name);
    secsession_identity_strip(r);
    return DECLINED;
}

static void look_up(request_rec *r, secsession_context_t *context)
{
    const secsession_server_config_t *server = secsession_config_server(r);
    request_rec *first = first_request(r);
    const secsession_location_config_t *location = secsession_config_location(r);
    const secsession_visit_t visit = { secsession_config_caps(location), location->touch == 0 };

    context->is_looked_up = 1;
    if (!context->is_token) {
        return;
    }
    context->outcome =
        secsession_store_lookup(server->store, first->pool, &context->token, server->realm, &visit,
                                secsession_identity_address(first), &context->session);
    if (context->outcome == SECSESSION_LIVE) {
        context->outcome = secsession_stamp_check(first, context->session);
    }
    /* A retired token is of no use either, but the browser has the next one by now: deleting the
     * cookie would delete that one. */
    context->forget = context->outcome != SECSESSION_LIVE
                      && context->outcome != SECSESSION_ANONYMOUS
                      && context->outcome != SECSESSION_RETIRED
                      && context->outcome != SECSESSION_UNAVAILABLE;
}

/* Whether a live session is good for this location. */
static void judge(request_rec *r, secsession_context_t *context,
                  const secsession_location_config_t *location)
{
    const secsession_limits_t caps = secsession_config_caps(location);
    secsession_outcome_t outcome = secsession_policy_check(context->session, &caps);

    if (outcome == SECSESSION_LIVE) {
        outcome = secsession_address_check(r, context->session);
    }
    context->judged = (secsession_judgement_t){ context->session, location, outcome };
}

secsession_outcome_t secsession_context_session(request_rec *r,
                                                const secsession_session_t **session)
{
    const secsession_location_config_t *location = secsession_config_location(r);
    secsession_context_t *context = secsession_context_get(r);

    *session = NULL;
    if (context == NULL || location->enabled != 1) {
        return SECSESSION_UNKNOWN;
    }
    if (!context->is_looked_up) {
        look_up(r, context);
    }
    if (context->outcome != SECSESSION_LIVE && context->outcome != SECSESSION_ANONYMOUS) {
        return context->outcome;
    }
    if (context->judged.session != context->session || context->judged.location != location) {
        judge(r, context, location);
    }
    *session = context->judged.outcome == SECSESSION_LIVE ? context->session : NULL;
    return *session ? context->outcome : context->judged.outcome;
}

int secsession_context_look_up(request_rec *r)
{
    const secsession_session_t *session;

    secsession_context_session(r, &session);
    return DECLINED;
}
