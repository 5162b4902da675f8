/* See store.h. Turns each request of http/ into one statement of dbd.c, and its row into a
 * session. */
#include "store/store.h"

#include <apr_strings.h>

#include "store/answer.h"
#include "store/dbd.h"

struct secsession_store_t {
    secsession_dbd_t *dbd;
};

apr_status_t secsession_store_create(secsession_store_t **store, apr_pool_t *pool,
                                     server_rec *server, const char *driver, const char *params,
                                     int max)
{
    *store = apr_pcalloc(pool, sizeof(**store));
    return secsession_dbd_create(&(*store)->dbd, pool, server, driver, params, max);
}

apr_status_t secsession_store_child_init(secsession_store_t *store, apr_pool_t *pool)
{
    return secsession_dbd_child_init(store->dbd, pool);
}

static void add_text(secsession_parameters_t *parameters, const char *value)
{
    parameters->values[parameters->count++] = value;
}

static void add_hash(secsession_parameters_t *parameters, const secsession_hash_t *hash)
{
    int n = parameters->count++;

    parameters->values[n] = hash ? (const char *)hash->bytes : NULL;
    parameters->lengths[n] = SECSESSION_HASH_BYTES;
    parameters->formats[n] = 1;
}

static void add_number(secsession_parameters_t *parameters, apr_pool_t *pool, apr_int64_t value)
{
    add_text(parameters, apr_psprintf(pool, "%" APR_INT64_T_FMT, value));
}

static secsession_outcome_t ask(secsession_store_t *store, apr_pool_t *pool, secsession_sql_t sql,
                                const secsession_parameters_t *parameters,
                                const secsession_session_t **session)
{
    const PGresult *result = secsession_dbd_query(store->dbd, pool, sql, parameters);
    secsession_outcome_t outcome;

    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    outcome = secsession_answer_decode(pool, result, session);
    if (outcome == SECSESSION_UNAVAILABLE) {
        secsession_dbd_log_nonsense(store->dbd, sql);
    }
    return outcome;
}

secsession_outcome_t secsession_store_lookup(secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm,
                                             const secsession_limits_t *location,
                                             const char *client_addr,
                                             const secsession_session_t **session)
{
    secsession_parameters_t parameters = { 0 };

    add_hash(&parameters, token);
    add_text(&parameters, realm);
    add_number(&parameters, pool, location->idle);
    add_number(&parameters, pool, location->absolute);
    add_text(&parameters, client_addr);
    return ask(store, pool, SECSESSION_SQL_LOOKUP, &parameters, session);
}

secsession_outcome_t secsession_store_login_epoch(secsession_store_t *store, apr_pool_t *pool,
                                                  const char *realm, const char *user,
                                                  apr_int64_t *epoch)
{
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;
    int ok = 1;

    add_text(&parameters, realm);
    add_text(&parameters, user);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_LOGIN_EPOCH, &parameters);
    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    *epoch = secsession_answer_number(PQgetvalue(result, 0, 0), PQgetlength(result, 0, 0), &ok);
    if (!ok) {
        secsession_dbd_log_nonsense(store->dbd, SECSESSION_SQL_LOGIN_EPOCH);
    }
    return ok ? SECSESSION_LIVE : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_store_authenticate(secsession_store_t *store, apr_pool_t *pool,
                                                   const secsession_login_t *login,
                                                   const secsession_session_t **session)
{
    secsession_parameters_t parameters = { 0 };

    add_hash(&parameters, &login->token);
    add_hash(&parameters, login->replaces);
    add_text(&parameters, login->realm);
    add_text(&parameters, login->user);
    add_text(&parameters, login->method);
    add_number(&parameters, pool, login->epoch);
    add_text(&parameters, login->client_addr);
    add_text(&parameters, login->user_agent);
    add_number(&parameters, pool, login->limits.idle);
    add_number(&parameters, pool, login->limits.absolute);
    return ask(store, pool, SECSESSION_SQL_AUTHENTICATE, &parameters, session);
}

secsession_outcome_t secsession_store_login_failed(secsession_store_t *store, apr_pool_t *pool,
                                                   const char *realm, const char *user,
                                                   const char *client_addr, const char *reason)
{
    secsession_parameters_t parameters = { 0 };

    add_text(&parameters, realm);
    add_text(&parameters, user);
    add_text(&parameters, client_addr);
    add_text(&parameters, reason);
    return secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_LOGIN_FAILED, &parameters)
               ? SECSESSION_LIVE
               : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_store_logout(secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm)
{
    secsession_parameters_t parameters = { 0 };

    add_hash(&parameters, token);
    add_text(&parameters, realm);
    return secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_LOGOUT, &parameters)
               ? SECSESSION_LOGGED_OUT
               : SECSESSION_UNAVAILABLE;
}
