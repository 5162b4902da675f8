/* The table of SQL statements, and how one of them is run. */
#include "store/dbd.h"

#include <apr_strings.h>
#include <http_log.h>
#include <stdatomic.h>

#include "store/answer.h"
#include "store/complain.h"
#include "store/pool.h"

APLOG_USE_MODULE(secsession);

/* What a connection needs, whatever the defaults of the database and the role are. Names must
 * arrive as they were sent, and a default of serializable would make logins fail that come
 * together. The server gives a statement up before the request does, so that none takes effect
 * after it was answered with 503, and tells a lock from what is slow otherwise. A change that is
 * acknowledged must be durable; which of the durable levels it is, the administrator may say. */
#define SETTINGS                                                                                   \
    "set_config('secsession.tell_events', $1, false), "                                            \
    "set_config('client_encoding', 'UTF8', false), "                                               \
    "set_config('default_transaction_isolation', 'read committed', false), "                       \
    "set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false), "                \
    "set_config('jit', 'off', false), "                                                            \
    "set_config('statement_timeout', '1700ms', false), "                                           \
    "set_config('lock_timeout', '1500ms', false), "                                                \
    "set_config('idle_in_transaction_session_timeout', '5s', false), "                             \
    "set_config('synchronous_commit', case current_setting('synchronous_commit') "                 \
    "when 'off' then 'on' else current_setting('synchronous_commit') end, false)"

/* As SETTINGS say it. A statement whose request has waited for a connection gets what is left of
 * the deadline, less the time in which the answer must arrive; and is not begun where that is too
 * little. */
#define STATEMENT_TIMEOUT apr_time_from_msec(1700)
#define FOR_THE_ANSWER apr_time_from_msec(150)
#define LEAST apr_time_from_msec(100)

/* A timestamptz from microseconds since 1970, of which a double loses none. */
#define MOMENT(microseconds) "timestamptz 'epoch' + " microseconds " * interval '1 microsecond'"

static const char *const STATEMENTS[] = {
    [SECSESSION_SQL_SCHEMA_VERSION] = "select secsession.schema_version(), " SETTINGS,
    [SECSESSION_SQL_LOOKUP] = "select secsession.lookup($1, $2, $3, $4, $5, $6)",
    [SECSESSION_SQL_LOOKUP_MANY] = "select * from secsession.lookup_many($1, $2)",
    [SECSESSION_SQL_CURRENT_TOKEN] = "select secsession.current_token($1, $2)",
    [SECSESSION_SQL_LOGIN_BEGIN] =
        "select seen::text, wait from secsession.login_begin($1, $2, $3, $4, $5)",
    [SECSESSION_SQL_AUTHENTICATE] =
        ("select secsession.authenticate(row($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
         "::secsession.login, cookies => $11, persistent => $12, "
         "most_sessions => $13, is_newest_refused => $14, credential_stamp => $15, "
         "is_lowercase => $16, attempt => $17, ids => $18, client_hash => $19, "
         "credential_hashes => $20)"),
    [SECSESSION_SQL_SIGN_SESSION] = "select secsession.sign_session($1, $2, $3, $4)",
    [SECSESSION_SQL_LOGOUT] = "select secsession.logout($1, $2, $3)",
    [SECSESSION_SQL_LOGIN_FAILED] = "select secsession.login_failed($1, $2, $3, $4, $5, $6)",
    [SECSESSION_SQL_LOGIN_UNDECIDED] = "select secsession.login_undecided($1, $2, $3)",
    [SECSESSION_SQL_LOGIN_MOMENT] = "select secsession.login_moment()::text",
    [SECSESSION_SQL_BEGIN_SESSION] =
        "select secsession.begin_session($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    [SECSESSION_SQL_KEEP_COOKIES] = "select secsession.keep_cookies($1, " MOMENT("$2") ", $3)",
    [SECSESSION_SQL_VAULT_OF] = "select * from secsession.vault_of($1, " MOMENT("$2") ")",
    [SECSESSION_SQL_REVOKE_OWN] = "select secsession.revoke_own($1, $2, $3)",
    [SECSESSION_SQL_OWN_SESSIONS] = "select * from secsession.own_sessions($1)",
    [SECSESSION_SQL_END_OWN] = "select secsession.end_own($1, $2)",
    [SECSESSION_SQL_SESSION_ID_IN_URL] = "select secsession.session_id_in_url($1, $2, $3, $4)",
    [SECSESSION_SQL_OFFER_TOKEN] = "select secsession.offer_token($1, $2, $3, $4, $5, $6)",
    [SECSESSION_SQL_CLIENT_MOVED] = "select secsession.client_moved($1, $2, $3)",
    [SECSESSION_SQL_END_CHANGED] = "select secsession.end_changed($1)",
    [SECSESSION_SQL_UNDER_WAY] = "select left_ms, age_ms from secsession.under_way($1)",
    [SECSESSION_SQL_FEED_SETTINGS] = "select pg_backend_pid(), " SETTINGS,
    [SECSESSION_SQL_LISTEN] = "listen secsession",
    [SECSESSION_SQL_HEARTBEAT] =
        "select version, seen::text, news from secsession.heartbeat($1, $2, $3, $4)",
    [SECSESSION_SQL_NOTE_USES] = "select secsession.note_uses($1, $2, $3)",
    [SECSESSION_SQL_ANNOUNCE] = "select secsession.announce($1)",
    [SECSESSION_SQL_LOCK_HOLDERS] =
        ("select array_to_string(secsession.lock_holders("
         "array['RowShareLock', 'RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', "
         "'AccessExclusiveLock']), ', ')"),
    [SECSESSION_SQL_SWEEP] =
        "select secsession.sweep($1), (100 * pg_notification_queue_usage())::integer",
    [SECSESSION_SQL_PURGE] = "select secsession.purge($1)",
};

_Static_assert(SECSESSION_SQL_COUNT <= SECSESSION_STATEMENTS, "a connection has a bit for each");
_Static_assert(sizeof(STATEMENTS) / sizeof(*STATEMENTS) == SECSESSION_SQL_COUNT,
               "the last of them has a text");

#define NAME_SIZE sizeof("secsession_2147483647_0123456789abcdef")

struct secsession_dbd_t {
    secsession_dbd_config_t config;
    secsession_complaints_t complaints;
    const apr_dbd_driver_t *driver;
    char names[SECSESSION_SQL_COUNT][NAME_SIZE];
    secsession_pool_t *connections; /* of this child */
    atomic_int unprepared;          /* a pooler loses our prepared statements: send the text */
};

/* FNV-1a with 64 bits, which is good enough for texts that are all written in this file. */
static apr_uint64_t hash_of(const char *text)
{
    apr_uint64_t hash = 0xcbf29ce484222325u;

    for (const char *c = text; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    }
    return hash;
}

static void name_statements(secsession_dbd_t *dbd)
{
    for (int i = 0; i < SECSESSION_SQL_COUNT; i++) {
        apr_snprintf(dbd->names[i], NAME_SIZE, "secsession_%d_%016" APR_UINT64_T_HEX_FMT,
                     SECSESSION_SCHEMA_VERSION, hash_of(STATEMENTS[i]));
    }
}

apr_status_t secsession_dbd_create(secsession_dbd_t **result, apr_pool_t *pool,
                                   const secsession_dbd_config_t *config)
{
    secsession_dbd_t *dbd = apr_pcalloc(pool, sizeof(*dbd));
    apr_status_t status = apr_dbd_init(pool);

    dbd->config = *config;
    dbd->complaints.server = config->server;
    dbd->complaints.trouble = config->trouble;
    name_statements(dbd);
    if (status == APR_SUCCESS) {
        status = apr_dbd_get_driver(pool, config->driver, &dbd->driver);
    }
    *result = dbd;
    return status;
}

apr_status_t secsession_dbd_child_init(secsession_dbd_t *dbd, apr_pool_t *pool)
{
    return secsession_pool_create(&dbd->connections, pool, dbd->driver, dbd->config.params,
                                  dbd->config.max, dbd->config.sink);
}

static void log_schema(secsession_dbd_t *dbd, int version)
{
    if (!secsession_trouble_is_news(dbd->config.trouble, SECSESSION_TROUBLE_SCHEMA)) {
        return;
    }
    if (version > SECSESSION_SCHEMA_VERSION) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, dbd->config.server,
            "SS105: the database has version %d of the schema secsession, this module knows "
            "version %d: sessions are answered with 503; install the newer module",
            version, SECSESSION_SCHEMA_VERSION);
    } else {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, dbd->config.server,
            "SS104: the database has %s of the schema secsession, this module needs version %d: "
            "sessions are answered with 503; as its owner run "
            "psql -d DATABASE -f store/install.sql, and grant secsession_httpd, or the NAME_httpd "
            "of this database, to the role of DBDParams",
            version > 0 ? "an older version" : "no version that this role can see",
            SECSESSION_SCHEMA_VERSION);
    }
}

void secsession_dbd_log_nonsense(secsession_dbd_t *dbd, secsession_sql_t sql)
{
    if (secsession_trouble_is_news(dbd->config.trouble, SECSESSION_TROUBLE_ANSWER)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, dbd->config.server,
                     "SS108: the session database's answer to '%s' is none that this module "
                     "understands: what needs it is answered with 503; as the owner of the schema "
                     "run psql -d DATABASE -f store/install.sql",
                     STATEMENTS[sql]);
    }
}

static secsession_execution_t execute(secsession_dbd_t *dbd, secsession_connection_t *connection,
                                      secsession_sql_t sql,
                                      const secsession_parameters_t *parameters,
                                      apr_time_t deadline, PGresult **result)
{
    secsession_statement_t statement = secsession_dbd_statement(dbd, sql);
    apr_interval_time_t within = deadline - secsession_monotonic() - FOR_THE_ANSWER;
    secsession_execution_t execution;

    statement.unprepared = atomic_load(&dbd->unprepared);
    if (within < STATEMENT_TIMEOUT) {
        statement.within = within > LEAST / 2 ? within : LEAST / 2;
    }
    execution = secsession_connection_execute(connection, &statement, parameters, deadline, result);
    if (execution == SECSESSION_UNPREPARED) {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, dbd->config.server,
            "SS106: prepared statements do not last on this connection (a pooler in transaction "
            "mode?): statements are sent whole from now on, which is slower");
        atomic_store(&dbd->unprepared, 1);
        statement.unprepared = 1;
        PQclear(*result);
        execution = secsession_connection_execute(connection, &statement, parameters, deadline,
                                                  result);
    }
    return execution;
}

/* Asks for the version of the schema once on each connection, so that an upgrade is noticed without
 * a restart. SECSESSION_REFUSED: it is another version, which has been logged. */
static secsession_execution_t verify(secsession_dbd_t *dbd, secsession_connection_t *connection,
                                     apr_time_t deadline)
{
    const secsession_parameters_t tell = secsession_dbd_tell_events(dbd);
    PGresult *result;
    secsession_execution_t execution;
    int version = 0;
    int ok = 1;

    if (connection->verified) {
        return SECSESSION_EXECUTED;
    }
    execution = execute(dbd, connection, SECSESSION_SQL_SCHEMA_VERSION, &tell, deadline, &result);
    if (execution == SECSESSION_EXECUTED && PQntuples(result) == 1) {
        version = (int)secsession_column_number(result, 0, 0, &ok);
    }
    if (execution == SECSESSION_REFUSED && secsession_complain_is_late(result)) {
        secsession_complain_refused(&dbd->complaints, result, NULL);
        PQclear(result);
        return execution;
    }
    PQclear(result);
    if (execution == SECSESSION_LOST || execution == SECSESSION_STALLED) {
        return execution;
    }
    connection->verified = version == SECSESSION_SCHEMA_VERSION;
    if (!connection->verified) {
        log_schema(dbd, version);
    }
    return connection->verified ? SECSESSION_EXECUTED : SECSESSION_REFUSED;
}

static apr_status_t clear_result(void *result)
{
    PQclear(result);
    return APR_SUCCESS;
}

/* Whether its COMMIT may have to wait for the disk or a standby: all but the questions, and what is
 * only noted. */
static int is_change(secsession_sql_t sql)
{
    switch (sql) {
    case SECSESSION_SQL_LOOKUP:
    case SECSESSION_SQL_LOOKUP_MANY:
    case SECSESSION_SQL_CURRENT_TOKEN:
    case SECSESSION_SQL_VAULT_OF:
    case SECSESSION_SQL_OWN_SESSIONS:
    case SECSESSION_SQL_OFFER_TOKEN:
    case SECSESSION_SQL_UNDER_WAY:
    case SECSESSION_SQL_ANNOUNCE:
        return 0;
    default:
        return 1;
    }
}

/* Logs an error of PostgreSQL; of one that waited for a lock, with the processes that it may have
 * waited for. */
static void complain_refused(secsession_dbd_t *dbd, secsession_connection_t *connection,
                             const PGresult *refused, apr_time_t deadline)
{
    static const secsession_parameters_t none;
    PGresult *result = NULL;
    const char *holders = NULL;

    if (secsession_complain_is_late(refused)
        && execute(dbd, connection, SECSESSION_SQL_LOCK_HOLDERS, &none, deadline, &result)
               == SECSESSION_EXECUTED
        && PQntuples(result) == 1 && !PQgetisnull(result, 0, 0)) {
        holders = PQgetvalue(result, 0, 0);
    }
    secsession_complain_refused(&dbd->complaints, refused, holders);
    PQclear(result);
}

/* One attempt. All but SECSESSION_LOST has been logged. */
static secsession_execution_t attempt(secsession_dbd_t *dbd, apr_pool_t *pool, secsession_sql_t sql,
                                      const secsession_parameters_t *parameters,
                                      apr_time_t deadline, PGresult **result)
{
    secsession_connection_t *connection;
    const char *error = NULL;
    secsession_execution_t execution;
    secsession_pool_state_t state = secsession_pool_acquire(dbd->connections, is_change(sql),
                                                            deadline - FOR_THE_ANSWER - LEAST, pool,
                                                            &connection, &error);

    if (state != SECSESSION_POOL_READY) {
        secsession_complain_no_connection(&dbd->complaints, state, dbd->config.max, error);
        return SECSESSION_REFUSED;
    }
    execution = verify(dbd, connection, deadline);
    if (execution == SECSESSION_EXECUTED) {
        execution = execute(dbd, connection, sql, parameters, deadline, result);
        if (execution == SECSESSION_REFUSED) {
            connection->verified = 0; /* perhaps because the schema has changed */
            complain_refused(dbd, connection, *result, deadline);
        }
    }
    secsession_pool_release(dbd->connections, connection, execution);
    if (execution == SECSESSION_STALLED) {
        secsession_complain_no_answer(&dbd->complaints);
    }
    if (execution != SECSESSION_EXECUTED) {
        PQclear(*result);
        *result = NULL;
    }
    return execution;
}

const PGresult *secsession_dbd_query(secsession_dbd_t *dbd, apr_pool_t *pool, secsession_sql_t sql,
                                     const secsession_parameters_t *parameters)
{
    apr_time_t deadline = secsession_monotonic() + SECSESSION_DEADLINE;
    PGresult *result = NULL;
    secsession_execution_t execution = SECSESSION_LOST;

    if (dbd->connections == NULL) {
        return NULL; /* secsession_dbd_child_init failed, which was logged */
    }
    /* When one connection is lost the idle ones may be lost, too: tries as many as there can be,
     * and then a new one. */
    for (int tries = 0; execution == SECSESSION_LOST && tries <= dbd->config.max
                        && secsession_monotonic() < deadline;
         tries++) {
        execution = attempt(dbd, pool, sql, parameters, deadline, &result);
    }
    if (execution == SECSESSION_LOST) {
        secsession_complain_no_connection(&dbd->complaints, SECSESSION_POOL_UNREACHABLE,
                                          dbd->config.max, "the connection was lost");
    }
    if (execution != SECSESSION_EXECUTED) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, result, clear_result, apr_pool_cleanup_null);
    if (secsession_trouble_is_over(dbd->config.trouble)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, dbd->config.server,
                     "SS107: the session database answers again");
    }
    return result;
}

secsession_connection_t *secsession_dbd_open(const secsession_dbd_t *dbd, const char *params,
                                             const char *name, apr_pool_t *scratch,
                                             const char **error)
{
    return secsession_connection_open(dbd->driver, params ? params : dbd->config.params, name,
                                      dbd->config.sink, scratch, error);
}

secsession_parameters_t secsession_dbd_tell_events(const secsession_dbd_t *dbd)
{
    secsession_parameters_t tell = { 0 };

    secsession_parameters_add_text(&tell, dbd->config.sink ? "on" : "off");
    return tell;
}

secsession_statement_t secsession_dbd_statement(const secsession_dbd_t *dbd, secsession_sql_t sql)
{
    secsession_statement_t statement = { .number = (int)sql,
                                         .name = dbd->names[sql],
                                         .sql = STATEMENTS[sql] };

    return statement;
}
