/* PostgreSQL through APR DBD: the table of SQL statements, each a call of one function of the
 * schema secsession; retries, and what the log says when the database is in trouble. */
#ifndef SECSESSION_DBD_H
#define SECSESSION_DBD_H

#include <httpd.h>

#include "store/connection.h"
#include "store/trouble.h"

/* The highest migration of store/sql/030-migrations.sql. */
#define SECSESSION_SCHEMA_VERSION 12

typedef struct secsession_dbd_t secsession_dbd_t;

typedef enum {
    SECSESSION_SQL_SCHEMA_VERSION,
    SECSESSION_SQL_LOOKUP,
    SECSESSION_SQL_LOOKUP_MANY,
    SECSESSION_SQL_CURRENT_TOKEN,
    SECSESSION_SQL_LOGIN_BEGIN,
    SECSESSION_SQL_AUTHENTICATE,
    SECSESSION_SQL_SIGN_SESSION,
    SECSESSION_SQL_LOGOUT,
    SECSESSION_SQL_LOGIN_FAILED,
    SECSESSION_SQL_LOGIN_UNDECIDED,
    SECSESSION_SQL_LOGIN_MOMENT,
    SECSESSION_SQL_BEGIN_SESSION,
    SECSESSION_SQL_KEEP_COOKIES,
    SECSESSION_SQL_VAULT_OF,
    SECSESSION_SQL_REVOKE_OWN,
    SECSESSION_SQL_OWN_SESSIONS,
    SECSESSION_SQL_END_OWN,
    SECSESSION_SQL_SESSION_ID_IN_URL,
    SECSESSION_SQL_OFFER_TOKEN,
    SECSESSION_SQL_CLIENT_MOVED,
    SECSESSION_SQL_END_CHANGED,
    SECSESSION_SQL_UNDER_WAY,
    SECSESSION_SQL_FEED_SETTINGS,
    SECSESSION_SQL_LISTEN,
    SECSESSION_SQL_HEARTBEAT,
    SECSESSION_SQL_NOTE_USES,
    SECSESSION_SQL_ANNOUNCE,
    SECSESSION_SQL_LOCK_HOLDERS,
    SECSESSION_SQL_SWEEP,
    SECSESSION_SQL_PURGE,
    SECSESSION_SQL_COUNT
} secsession_sql_t;

typedef struct {
    server_rec *server;            /* for the log */
    const char *driver;            /* APR DBD's */
    const char *params;            /* a libpq connection string */
    int max;                       /* connections of a process */
    const secsession_sink_t *sink; /* whom events are told, or NULL */
    secsession_trouble_t *trouble;
} secsession_dbd_config_t;

/* Before the children are forked. APR's error if the driver cannot be loaded. */
apr_status_t secsession_dbd_create(secsession_dbd_t **dbd, apr_pool_t *pool,
                                   const secsession_dbd_config_t *config);

/* In every child before its first statement; its connections close with `pool`. */
apr_status_t secsession_dbd_child_init(secsession_dbd_t *dbd, apr_pool_t *pool);

/* Runs one statement. If the connection is lost meanwhile it is run again on another one: each
 * statement may be run twice without harm. The result, in PostgreSQL's binary form, lives in
 * `pool`; NULL: no answer, logged. */
const PGresult *secsession_dbd_query(secsession_dbd_t *dbd, apr_pool_t *pool, secsession_sql_t sql,
                                     const secsession_parameters_t *parameters);

/* For a connection outside the pool: opens one, see secsession_connection_open (`params` NULL:
 * those of the pool), and looks a statement up in the table. The server knows it by its `name` from
 * the beginning, whatever becomes of it then. */
secsession_connection_t *secsession_dbd_open(const secsession_dbd_t *dbd, const char *params,
                                             const char *name, apr_pool_t *scratch,
                                             const char **error);
secsession_statement_t secsession_dbd_statement(const secsession_dbd_t *dbd, secsession_sql_t sql);

/* The parameters of SCHEMA_VERSION and FEED_SETTINGS: whether events are to be told. */
secsession_parameters_t secsession_dbd_tell_events(const secsession_dbd_t *dbd);

/* Logs that a statement had an answer that this module does not understand. */
void secsession_dbd_log_nonsense(secsession_dbd_t *dbd, secsession_sql_t sql);

#endif
