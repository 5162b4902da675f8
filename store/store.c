/* See store.h. Turns each request of http/ into one statement of dbd.c, and its row into a session. */
#include "store/store.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "store/dbd.h"

struct secsession_store_t {
    secsession_dbd_t *dbd;
};

/* The columns of secsession.lookup() and secsession.authenticate(). */
enum {
    COLUMN_STATE,
    COLUMN_END_REASON,
    COLUMN_SESSION_ID,
    COLUMN_USER,
    COLUMN_METHOD,
    COLUMN_CREATED_AT,
    COLUMN_AUTHENTICATED_AT,
    COLUMN_EXPIRES_AT,
    COLUMN_IDLE_MS,
    COLUMN_AGE_MS,
    COLUMN_IDLE_TIMEOUT,
    COLUMN_ABSOLUTE_TIMEOUT,
    COLUMNS
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

static const char *text(const PGresult *row, int column)
{
    return PQgetisnull(row, 0, column) ? "" : PQgetvalue(row, 0, column);
}

static apr_int64_t number(const PGresult *row, int column)
{
    return apr_atoi64(text(row, column));
}

static const secsession_session_t *decode_session(apr_pool_t *pool, const PGresult *row)
{
    secsession_session_t *session = apr_palloc(pool, sizeof(*session));

    session->id = text(row, COLUMN_SESSION_ID); /* the result lives as long as the pool */
    session->user = text(row, COLUMN_USER);
    session->method = text(row, COLUMN_METHOD);
    session->created_at = number(row, COLUMN_CREATED_AT);
    session->authenticated_at = number(row, COLUMN_AUTHENTICATED_AT);
    session->expires_at = number(row, COLUMN_EXPIRES_AT);
    session->idle_ms = number(row, COLUMN_IDLE_MS);
    session->age_ms = number(row, COLUMN_AGE_MS);
    session->limits.idle = (int)number(row, COLUMN_IDLE_TIMEOUT);
    session->limits.absolute = (int)number(row, COLUMN_ABSOLUTE_TIMEOUT);
    return session;
}

static secsession_outcome_t decode_end(const char *reason)
{
    static const struct {
        const char *reason;
        secsession_outcome_t outcome;
    } ends[] = {
        { "idle", SECSESSION_IDLE },         { "absolute", SECSESSION_ABSOLUTE },
        { "revoked", SECSESSION_REVOKED },   { "reuse", SECSESSION_REUSE },
        { "logout", SECSESSION_LOGGED_OUT }, { "evicted", SECSESSION_EVICTED },
    };

    for (apr_size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(reason, ends[i].reason) == 0) {
            return ends[i].outcome;
        }
    }
    return SECSESSION_UNAVAILABLE; /* an answer that this module does not understand is none */
}

static secsession_outcome_t decode(apr_pool_t *pool, const PGresult *result,
                                   const secsession_session_t **session)
{
    const char *state;

    if (result == NULL || PQnfields(result) != COLUMNS) {
        return SECSESSION_UNAVAILABLE;
    }
    if (PQntuples(result) == 0) {
        return SECSESSION_UNKNOWN;
    }
    state = text(result, COLUMN_STATE);
    if (strcmp(state, "live") == 0) {
        *session = decode_session(pool, result);
        return SECSESSION_LIVE;
    }
    if (strcmp(state, "retired") == 0) {
        return SECSESSION_RETIRED;
    }
    return decode_end(text(result, COLUMN_END_REASON));
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
    return decode(pool, secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_LOOKUP, &parameters),
                  session);
}

secsession_outcome_t secsession_store_login_epoch(secsession_store_t *store, apr_pool_t *pool,
                                                  const char *realm, const char *user,
                                                  apr_int64_t *epoch)
{
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;

    add_text(&parameters, realm);
    add_text(&parameters, user);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_LOGIN_EPOCH, &parameters);
    if (result == NULL || PQntuples(result) != 1) {
        return SECSESSION_UNAVAILABLE;
    }
    *epoch = number(result, 0);
    return SECSESSION_LIVE;
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
    return decode(pool,
                  secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_AUTHENTICATE, &parameters),
                  session);
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
