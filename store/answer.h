/* What lookup(), lookup_many() and authenticate() of the schema answer: values of the type
 * secsession.session_answer, in PostgreSQL's binary form of a row, each field with its length
 * before it, so that nothing has to be quoted or searched for. For store.c and lookups.c.
 */
#ifndef SECSESSION_ANSWER_H
#define SECSESSION_ANSWER_H

#include <apr_pools.h>
#include <libpq-fe.h>

#include "session/session.h"

/* Decodes a value of `result`. SECSESSION_LIVE and SECSESSION_ANONYMOUS set *session, in `pool`. SQL's null is
 * SECSESSION_UNKNOWN. SECSESSION_UNAVAILABLE: not such an answer. */
secsession_outcome_t secsession_answer_decode(apr_pool_t *pool, const PGresult *result, int row,
                                              int column, const secsession_session_t **session);

/* A number in its binary form of 4 or 8 bytes; *ok becomes 0 where it has another length. */
apr_int64_t secsession_answer_number(const char *bytes, int length, int *ok);

#endif
