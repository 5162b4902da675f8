/* PostgreSQL through APR DBD: the table of SQL statements, each a call of one function of the
 * schema secsession; retries, and what the log says when the database is in trouble. For store.c. /
 */
#ifndef SECSESSION_DBD_H
#define SECSESSION_DBD_H

#include <httpd.h>

#include "store/connection.h"

typedef struct secsession_dbd_t secsession_dbd_t;

typedef enum {
    SECSESSION_SQL_SCHEMA_VERSION,
    SECSESSION_SQL_LOOKUP,
    SECSESSION_SQL_LOGIN_EPOCH,
    SECSESSION_SQL_AUTHENTICATE,
    SECSESSION_SQL_LOGOUT,
    SECSESSION_SQL_LOGIN_FAILED
} secsession_sql_t;

apr_status_t secsession_dbd_create(secsession_dbd_t **dbd, apr_pool_t *pool, server_rec *server,
                                   const char *driver, const char *params, int max);
apr_status_t secsession_dbd_child_init(secsession_dbd_t *dbd, apr_pool_t *pool);

/* Runs one statement, each of which may be run twice without harm: where a connection turns out to
 * be lost, it is run again on another. The result, in PostgreSQL's binary form, lives in `pool`;
 * NULL: no answer, logged. */
const PGresult *secsession_dbd_query(secsession_dbd_t *dbd, apr_pool_t *pool, secsession_sql_t sql,
                                     const secsession_parameters_t *parameters);

/* Logs that a statement had an answer that this module does not understand. */
void secsession_dbd_log_nonsense(secsession_dbd_t *dbd, secsession_sql_t sql);

#endif
