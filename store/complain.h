/* What the log says of the database when it is in trouble: once, then once a minute, see
 * trouble.h. */
#ifndef SECSESSION_COMPLAIN_H
#define SECSESSION_COMPLAIN_H

#include <httpd.h>
#include <libpq-fe.h>

#include "store/pool.h"
#include "store/trouble.h"

/* Whose log, and what is remembered of troubles. */
typedef struct {
    server_rec *server;
    secsession_trouble_t *trouble;
} secsession_complaints_t;

/* There was no connection (`max`: DBDMax); `error` may be NULL. */
void secsession_complain_no_connection(const secsession_complaints_t *complaints,
                                       secsession_pool_state_t state, int max, const char *error);

/* A statement had no answer until its deadline, not even that it was given up. */
void secsession_complain_no_answer(const secsession_complaints_t *complaints);

/* PostgreSQL answered with an error; `holders`: who keeps locks that it may have waited for, NULL:
 * nobody is known. */
void secsession_complain_refused(const secsession_complaints_t *complaints, const PGresult *result,
                                 const char *holders);

/* Whether that error says that the statement was given up: it waited for a lock, or was not done in
 * time. */
int secsession_complain_is_late(const PGresult *result);

#endif
