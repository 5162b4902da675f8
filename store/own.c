/* What becomes of one session, and what a user may do with sessions of their own; see store.h. */
#include <apr_strings.h>

#include "store/answer.h"
#include "store/parts.h"

/* The columns of secsession.own_sessions(). */
enum { ID, CLIENT_ADDR, USER_AGENT, AUTHENTICATED_S, SEEN_S, COLUMNS };

secsession_outcome_t secsession_store_revoke_own(secsession_store_t *store, apr_pool_t *pool,
                                                 const secsession_session_t *session, int but_this,
                                                 const char *reason)
{
    const secsession_parameters_t parameters = {
        .count = 3, .values = { session->id, but_this ? "true" : "false", reason }
    };
    const PGresult *result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_REVOKE_OWN,
                                                  &parameters);
    secsession_key_t user;

    if (store->cache && secsession_key_of_user(session->user, &user)) {
        secsession_cache_invalidate(store->cache, user);
    }
    return result ? SECSESSION_LIVE : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_store_end_own(secsession_store_t *store, apr_pool_t *pool,
                                              const secsession_session_t *session, const char *id)
{
    const secsession_parameters_t parameters = { .count = 2, .values = { session->id, id } };
    const PGresult *result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_END_OWN,
                                                  &parameters);

    if (store->cache) {
        secsession_cache_invalidate(store->cache, secsession_key_of_session(id));
    }
    return result ? SECSESSION_LIVE : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_store_moved(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_session_t *session,
                                            const char *client_addr, const char *action)
{
    const secsession_parameters_t parameters = { .count = 3,
                                                 .values = { session->id, client_addr, action } };
    const PGresult *result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_CLIENT_MOVED,
                                                  &parameters);

    if (store->cache) {
        secsession_cache_invalidate(store->cache, secsession_key_of_session(session->id));
    }
    return result ? SECSESSION_LIVE : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_store_end_changed(secsession_store_t *store, apr_pool_t *pool,
                                                  const secsession_session_t *session)
{
    const secsession_parameters_t parameters = { .count = 1, .values = { session->id } };
    const PGresult *result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_END_CHANGED,
                                                  &parameters);

    if (store->cache) {
        secsession_cache_invalidate(store->cache, secsession_key_of_session(session->id));
    }
    return result ? SECSESSION_LIVE : SECSESSION_UNAVAILABLE;
}

static const char *text(apr_pool_t *pool, const PGresult *result, int row, int column)
{
    return apr_pstrmemdup(pool, PQgetvalue(result, row, column),
                          (apr_size_t)PQgetlength(result, row, column));
}

static apr_int64_t number(const PGresult *result, int row, int column, int *ok)
{
    return secsession_answer_number(PQgetvalue(result, row, column),
                                    PQgetlength(result, row, column), ok);
}

secsession_outcome_t secsession_store_own(secsession_store_t *store, apr_pool_t *pool,
                                          const secsession_session_t *session,
                                          apr_array_header_t **list)
{
    const secsession_parameters_t parameters = { .count = 1, .values = { session->id } };
    const PGresult *result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_OWN_SESSIONS,
                                                  &parameters);
    int ok = result != NULL && PQnfields(result) == COLUMNS;

    *list = apr_array_make(pool, 4, sizeof(secsession_own_t));
    for (int row = 0; ok && row < PQntuples(result); row++) {
        secsession_own_t *own = apr_array_push(*list);

        own->id = text(pool, result, row, ID);
        own->client_addr = text(pool, result, row, CLIENT_ADDR);
        own->user_agent = text(pool, result, row, USER_AGENT);
        own->authenticated_s = number(result, row, AUTHENTICATED_S, &ok);
        own->seen_s = number(result, row, SEEN_S, &ok);
    }
    if (result && !ok) {
        secsession_dbd_log_nonsense(store->dbd, SECSESSION_SQL_OWN_SESSIONS);
    }
    return ok ? SECSESSION_LIVE : SECSESSION_UNAVAILABLE;
}
