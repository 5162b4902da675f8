/* What becomes of one session, and what users may do with their own sessions. */
#include "store/answer.h"
#include "store/ask.h"
#include "store/parts.h"
#include "store/store.h"

/* The columns of secsession.own_sessions(). */
enum { ID, CLIENT_ADDR, USER_AGENT, AUTHENTICATED_S, SEEN_S, COLUMNS };

/* Runs a statement that changes the session, or the sessions of the user, that the key stands
 * for. */
static secsession_outcome_t change(secsession_store_t *store, apr_pool_t *pool,
                                   secsession_sql_t sql, const secsession_parameters_t *parameters,
                                   secsession_key_t key)
{
    secsession_outcome_t outcome = secsession_ask_done(store->dbd, pool, sql, parameters);

    /* The server does not wait for the feed to tell it what it has just changed itself. */
    if (store->cache) {
        secsession_cache_invalidate(store->cache, key);
    }
    return outcome;
}

apr_interval_time_t secsession_store_told_ago(const secsession_session_t *session)
{
    return secsession_monotonic() - session->told;
}

secsession_vigil_t *secsession_store_watch(secsession_store_t *store, apr_pool_t *pool,
                                           const secsession_session_t *session, int absolute)
{
    return store->watchman ? secsession_watchman_add(store->watchman, pool, session, absolute)
                           : NULL;
}

secsession_outcome_t secsession_store_goes_on(secsession_vigil_t *vigil)
{
    return secsession_watchman_outcome(vigil);
}

secsession_outcome_t secsession_store_at_end(secsession_vigil_t *vigil,
                                             void (*tell)(void *data, secsession_outcome_t why),
                                             void *data)
{
    return secsession_watchman_at_end(vigil, tell, data);
}

secsession_outcome_t secsession_store_logout(secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm,
                                             const secsession_session_t *session)
{
    secsession_parameters_t parameters = { 0 };
    secsession_outcome_t outcome;

    secsession_parameters_add_hash(&parameters, token);
    secsession_parameters_add_text(&parameters, realm);
    secsession_parameters_add_text(&parameters, session ? session->id : NULL);
    /* Which session a retired token was of, this server learns with the next heartbeat. */
    outcome = session ? change(store, pool, SECSESSION_SQL_LOGOUT, &parameters,
                               secsession_key_of_session(session->id))
                      : secsession_ask_done(store->dbd, pool, SECSESSION_SQL_LOGOUT, &parameters);
    return outcome == SECSESSION_DONE ? SECSESSION_LOGGED_OUT : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_store_revoke_own(secsession_store_t *store, apr_pool_t *pool,
                                                 const secsession_session_t *session, int but_this,
                                                 const char *reason)
{
    secsession_parameters_t parameters = { 0 };
    secsession_key_t user;

    secsession_parameters_add_text(&parameters, session->id);
    secsession_parameters_add_truth(&parameters, but_this);
    secsession_parameters_add_text(&parameters, reason);
    return secsession_key_of_user(session->user, &user)
               ? change(store, pool, SECSESSION_SQL_REVOKE_OWN, &parameters, user)
               : secsession_ask_done(store->dbd, pool, SECSESSION_SQL_REVOKE_OWN, &parameters);
}

secsession_outcome_t secsession_store_end_own(secsession_store_t *store, apr_pool_t *pool,
                                              const secsession_session_t *session, const char *id)
{
    secsession_parameters_t parameters = { 0 };

    secsession_parameters_add_text(&parameters, session->id);
    secsession_parameters_add_text(&parameters, id);
    return change(store, pool, SECSESSION_SQL_END_OWN, &parameters, secsession_key_of_session(id));
}

secsession_outcome_t secsession_store_moved(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_session_t *session,
                                            const char *client_addr, const char *action)
{
    secsession_parameters_t parameters = { 0 };

    secsession_parameters_add_text(&parameters, session->id);
    secsession_parameters_add_text(&parameters, client_addr);
    secsession_parameters_add_text(&parameters, action);
    return change(store, pool, SECSESSION_SQL_CLIENT_MOVED, &parameters,
                  secsession_key_of_session(session->id));
}

secsession_outcome_t secsession_store_end_changed(secsession_store_t *store, apr_pool_t *pool,
                                                  const secsession_session_t *session)
{
    secsession_parameters_t parameters = { 0 };

    secsession_parameters_add_text(&parameters, session->id);
    return change(store, pool, SECSESSION_SQL_END_CHANGED, &parameters,
                  secsession_key_of_session(session->id));
}

secsession_outcome_t secsession_store_own(secsession_store_t *store, apr_pool_t *pool,
                                          const secsession_session_t *session,
                                          apr_array_header_t **list)
{
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;
    int ok;

    secsession_parameters_add_text(&parameters, session->id);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_OWN_SESSIONS, &parameters);
    ok = result != NULL && PQnfields(result) == COLUMNS;
    *list = apr_array_make(pool, 4, sizeof(secsession_own_t));
    for (int row = 0; ok && row < PQntuples(result); row++) {
        secsession_own_t *own = apr_array_push(*list);

        own->id = secsession_column_text(pool, result, row, ID);
        own->client_addr = secsession_column_text(pool, result, row, CLIENT_ADDR);
        own->user_agent = secsession_column_text(pool, result, row, USER_AGENT);
        own->authenticated_s = secsession_column_number(result, row, AUTHENTICATED_S, &ok);
        own->seen_s = secsession_column_number(result, row, SEEN_S, &ok);
    }
    if (result && !ok) {
        secsession_dbd_log_nonsense(store->dbd, SECSESSION_SQL_OWN_SESSIONS);
    }
    return ok ? SECSESSION_DONE : SECSESSION_UNAVAILABLE;
}
