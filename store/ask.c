/* Runs a statement and turns its answer into an outcome. */
#include "store/ask.h"

#include "store/answer.h"

secsession_outcome_t secsession_ask_session(secsession_dbd_t *dbd, apr_pool_t *pool,
                                            secsession_sql_t sql,
                                            const secsession_parameters_t *parameters,
                                            const secsession_session_t **session)
{
    const PGresult *result = secsession_dbd_query(dbd, pool, sql, parameters);
    secsession_outcome_t outcome = SECSESSION_UNAVAILABLE;

    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    if (PQntuples(result) == 1 && PQnfields(result) == 1) {
        outcome = secsession_answer_decode(pool, result, 0, 0, session);
    }
    if (outcome == SECSESSION_UNAVAILABLE) {
        secsession_dbd_log_nonsense(dbd, sql);
    }
    return outcome;
}

secsession_outcome_t secsession_ask_done(secsession_dbd_t *dbd, apr_pool_t *pool,
                                         secsession_sql_t sql,
                                         const secsession_parameters_t *parameters)
{
    return secsession_dbd_query(dbd, pool, sql, parameters) ? SECSESSION_DONE
                                                            : SECSESSION_UNAVAILABLE;
}
