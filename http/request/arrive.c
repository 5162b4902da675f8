/* Removes our cookie, and every header field that only this module may set, from a request. */
#include "http/request/arrive.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <openssl/crypto.h>
#include <string.h>

#include "http/request/context.h"
#include "http/request/navigation.h"
#include "http/request/reserved.h"
#include "http/request/why.h"
#include "session/parcel.h"

APLOG_USE_MODULE(secsession);

static apr_status_t forget_token(void *known)
{
    OPENSSL_cleanse(known, sizeof(secsession_known_token_t));
    return APR_SUCCESS;
}

/* A browser sends the same token with each request of a connection, so that its hash is kept with
 * the connection. To modules, each stream of HTTP/2 is a connection with a single request, so that
 * keeping the hash would not help there. */
static apr_status_t hash_token(conn_rec *connection, const secsession_keys_t *keys,
                               const char *text, secsession_hash_t *hash)
{
    secsession_known_token_t *known;

    if (connection->master) {
        return secsession_token_hash(keys, text, strlen(text), hash);
    }
    known = ap_get_module_config(connection->conn_config, &secsession_module);
    if (known == NULL) {
        known = apr_pcalloc(connection->pool, sizeof(*known));
        apr_pool_cleanup_register(connection->pool, known, forget_token, apr_pool_cleanup_null);
        ap_set_module_config(connection->conn_config, &secsession_module, known);
    }
    return secsession_token_hash_known(keys, text, strlen(text), known, hash);
}

/* What is no token at all is deleted. One that only lacks our tag may be good at another server,
 * which this browser knows by the same name on another port. */
static void read_token(const secsession_here_t *here, const char *text)
{
    secsession_context_t *context = here->context;
    apr_status_t status = hash_token(here->r->connection, here->server->token_keys, text,
                                     &context->token);

    context->is_token = status == APR_SUCCESS;
    context->is_useless = !context->is_token && status != APR_EMISMATCH;
    if (status == APR_EMISMATCH && secsession_store_is_untagged_news(here->server->store)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, here->r,
            "SS253: a token without a tag by the SecSessionKeys of this server: it is older "
            "than the keys, of a server with others, or made up; its user has to log in "
            "again");
    }
}

/* The first cookies of a visitor may be behind the token. Where a session has ended the reason may
 * be in place of it. */
static void read_value(const secsession_here_t *here, const char *value)
{
    secsession_context_t *context = here->context;
    const apr_size_t length = secsession_parcel_token(value);

    context->ended = secsession_why_read(value);
    if (context->ended != SECSESSION_UNKNOWN) {
        context->is_useless = secsession_navigation_is_page(here->r); /* which tells the reason */
        return;
    }
    if (length > 0) {
        context->parcel = value;
        value = apr_pstrmemdup(here->r->pool, value, length);
    }
    read_token(here, value);
}

/* Removes the cookies of this name from the request. One field is enough: httpd has joined all
 * Cookie fields of the request. */
static secsession_presented_t take(request_rec *r, const char *name, secsession_values_t *values)
{
    const char *field = apr_table_get(r->headers_in, "Cookie"), *rest;
    secsession_presented_t presented;

    if (field == NULL) {
        return SECSESSION_COOKIE_NONE;
    }
    presented = secsession_cookie_take(r->pool, field, name, values, &rest);
    if (rest == NULL) {
        apr_table_unset(r->headers_in, "Cookie");
    } else if (rest != field) {
        apr_table_setn(r->headers_in, "Cookie", rest);
    }
    return presented;
}

/* No application of this httpd sees the cookie of another virtual host either. */
static void take_those_of_others(request_rec *r, const secsession_server_config_t *server)
{
    secsession_values_t values;

    for (int i = 0; i < server->cookies->nelts; i++) {
        const char *name = APR_ARRAY_IDX(server->cookies, i, const char *);

        if (!server->in_use || strcmp(name, server->cookie.name) != 0) {
            take(r, name, &values);
        }
    }
}

static void take_cookie(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_context_t *context = here->context;
    secsession_values_t values;

    context->upgraded = apr_table_get(r->headers_in, "Upgrade")
                            ? apr_table_get(r->headers_in, "Cookie")
                            : NULL;
    context->presented = take(r, here->server->cookie.name, &values);
    if (context->presented == SECSESSION_COOKIE_ONE) {
        read_value(here, values.texts[0]);
    } else if (context->presented == SECSESSION_COOKIE_SEVERAL) {
        context->values = apr_pmemdup(r->pool, &values, sizeof(values));
    }
}

int secsession_arrive(request_rec *r)
{
    secsession_here_t here = secsession_here(r);
    request_rec *first = secsession_first_request(r);

    if (here.context) {
        return DECLINED;
    }
    take_those_of_others(r, here.server);
    if (!here.server->in_use) {
        return DECLINED;
    }
    /* The context belongs to the first request even if this is its ErrorDocument: if httpd could
     * not read a request, the ErrorDocument is the first to come here. */
    here.context = apr_pcalloc(first->pool, sizeof(*here.context));
    here.context->outcome = here.context->ended = SECSESSION_UNKNOWN;
    here.context->is_posted = first->method_number == M_POST;
    ap_set_module_config(first->request_config, &secsession_module, here.context);
    take_cookie(&here);
    secsession_reserved_strip_request(r);
    return DECLINED;
}

/* Whether httpd is about to change to another protocol for this request; it will ask the same. */
static int is_to_change(request_rec *r)
{
    const char *upgrade = apr_table_get(r->headers_in, "Upgrade");
    const char *connection = apr_table_get(r->headers_in, "Connection");
    apr_array_header_t *offers = NULL;
    const char *protocol = NULL;

    if (upgrade && connection && ap_find_token(r->pool, connection, "upgrade")
        && ap_parse_token_list_strict(r->pool, upgrade, &offers, 0) == NULL && offers) {
        protocol = ap_select_protocol(r->connection, r, NULL, offers);
    }
    return protocol && strcmp(protocol, ap_get_protocol(r->connection)) != 0;
}

int secsession_arrive_give_back(request_rec *r)
{
    secsession_context_t *context = secsession_here(r).context;

    if (context && context->upgraded && r->main == NULL && r->connection->master == NULL
        && is_to_change(r)) {
        apr_table_setn(r->headers_in, "Cookie", context->upgraded);
        context->is_given_back = 1;
    }
    return DECLINED;
}

int secsession_arrive_take_back(request_rec *r)
{
    secsession_context_t *context = secsession_here(r).context;

    if (context && context->is_given_back) {
        apr_table_unset(r->headers_in, "Cookie");
    }
    return DECLINED;
}
