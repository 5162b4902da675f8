/* What most calls of the store come down to: one statement, and an outcome from what it answers. */
#ifndef SECSESSION_ASK_H
#define SECSESSION_ASK_H

#include "session/session.h"
#include "store/dbd.h"

/* Runs a statement that answers one session_answer, see secsession_answer_decode. An answer that is
 * none is logged. *session lives in `pool`. */
secsession_outcome_t secsession_ask_session(secsession_dbd_t *dbd, apr_pool_t *pool,
                                            secsession_sql_t sql,
                                            const secsession_parameters_t *parameters,
                                            const secsession_session_t **session);

/* Runs a statement of which only counts that it was run: SECSESSION_DONE or
 * SECSESSION_UNAVAILABLE. */
secsession_outcome_t secsession_ask_done(secsession_dbd_t *dbd, apr_pool_t *pool,
                                         secsession_sql_t sql,
                                         const secsession_parameters_t *parameters);

#endif
