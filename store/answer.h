/* What lookup(), lookup_many() and authenticate() of the schema answer: values of the type
 * secsession.session_answer, in PostgreSQL's binary form of a row, each field with its length
 * before it, so that nothing has to be quoted or searched for; and columns of other answers.
 */
#ifndef SECSESSION_ANSWER_H
#define SECSESSION_ANSWER_H

#include <apr_pools.h>
#include <libpq-fe.h>

#include "session/session.h"

/* Decodes a value of `result`. SECSESSION_LIVE and SECSESSION_ANONYMOUS set *session, in `pool`.
 * SQL's null is SECSESSION_UNKNOWN. SECSESSION_UNAVAILABLE: not such an answer. */
secsession_outcome_t secsession_answer_decode(apr_pool_t *pool, const PGresult *result, int row,
                                              int column, const secsession_session_t **session);

/* A column of text, in `pool`. */
const char *secsession_column_text(apr_pool_t *pool, const PGresult *result, int row, int column);

/* A column that holds a number; *ok becomes 0 where it does not, or there is no such row. */
apr_int64_t secsession_column_number(const PGresult *result, int row, int column, int *ok);

/* A number in its binary form of 4 or 8 bytes; *ok becomes 0 where it has another length. */
apr_int64_t secsession_answer_number(const char *bytes, int length, int *ok);

#endif
