/* Opening a connection, and running statements on it until a deadline. */
#include "store/connection.h"

#include <apr_strings.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "store/conninfo.h"

_Static_assert(SECSESSION_STATEMENTS <= 8 * sizeof(((secsession_connection_t *)0)->prepared),
               "a bit for each statement");

#define EVENT "SSEVT" /* the SQLSTATE of secsession.tell_event() */

/* The kernel counts from its start. Sessions may have been used before that, and such moments must
 * not be zero or less, which is where moments are that have never been. */
#define BEFORE_START apr_time_from_sec((apr_time_t)20 * 365 * 24 * 60 * 60)

apr_time_t secsession_monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return BEFORE_START + (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Collects events; they are told only when the statement has succeeded. */
static void take_notice(void *data, const PGresult *notice)
{
    secsession_connection_t *connection = data;
    const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);

    if (connection->events && sqlstate && text && strcmp(sqlstate, EVENT) == 0) {
        APR_ARRAY_PUSH(connection->events, const char *) = apr_pstrdup(connection->events_pool,
                                                                       text);
    }
}

static void expect_events(secsession_connection_t *connection)
{
    if (connection->sink) {
        apr_pool_clear(connection->events_pool);
        connection->events = apr_array_make(connection->events_pool, 4, sizeof(const char *));
    }
}

static void tell_events(secsession_connection_t *connection)
{
    for (int i = 0; connection->sink && i < connection->events->nelts; i++) {
        connection->sink->tell(connection->sink->data,
                               APR_ARRAY_IDX(connection->events, i, const char *));
    }
}

static apr_status_t close_handle(void *pg)
{
    PQfinish(pg);
    return APR_SUCCESS;
}

secsession_connection_t *secsession_connection_open(const apr_dbd_driver_t *driver,
                                                    const char *params,
                                                    const secsession_sink_t *sink,
                                                    apr_pool_t *scratch, const char **error)
{
    secsession_connection_t *connection;
    const char *why = NULL;
    apr_dbd_t *handle;
    apr_pool_t *pool;

    *error = "out of memory";
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    params = secsession_conninfo_complete(pool, params);
    if (apr_dbd_open_ex(driver, pool, params, &handle, &why) != APR_SUCCESS) {
        *error = apr_pstrdup(scratch, why ? why : "no reason given");
        apr_pool_destroy(pool);
        return NULL;
    }
    connection = apr_pcalloc(pool, sizeof(*connection));
    connection->pool = pool;
    connection->interrupt = -1;
    connection->pg = apr_dbd_native_handle(driver, handle);
    apr_pool_cleanup_register(pool, connection->pg, close_handle, apr_pool_cleanup_null);
    PQsetnonblocking(connection->pg, 1); /* or sending could block beyond any deadline */
    if (sink) {
        connection->sink = sink;
        apr_pool_create(&connection->events_pool, pool);
        PQsetNoticeReceiver(connection->pg, take_notice, connection);
    }
    return connection;
}

void secsession_connection_close(secsession_connection_t *connection)
{
    apr_pool_destroy(connection->pool);
}

int secsession_connection_has_news(const secsession_connection_t *connection)
{
    struct pollfd poller = { .fd = PQsocket(connection->pg), .events = POLLIN };

    return poll(&poller, 1, 0) > 0;
}

/* The server has nothing to send on an idle connection, except that the connection ends, or a
 * notice. It sends a message before it closes the connection, so that only the second read notices
 * the end. */
int secsession_connection_is_alive(secsession_connection_t *connection)
{
    while (secsession_connection_has_news(connection)) {
        if (!PQconsumeInput(connection->pg)) {
            return 0;
        }
    }
    return PQstatus(connection->pg) == CONNECTION_OK;
}

/* Waits for the socket: EXECUTED, or STALLED at the deadline or when interrupted. */
static secsession_execution_t wait_for(PGconn *pg, int interrupt, short events, apr_time_t deadline)
{
    struct pollfd pollers[] = { { .fd = PQsocket(pg), .events = events },
                                { .fd = interrupt, .events = POLLIN } };

    for (;;) {
        apr_time_t left = deadline - secsession_monotonic();
        int ready = poll(pollers, 2, left > 0 ? (int)((left + 999) / 1000) : 0);

        if (ready == 0 || (ready > 0 && pollers[1].revents)) {
            return SECSESSION_STALLED;
        }
        if (ready > 0) {
            return SECSESSION_EXECUTED;
        }
        if (errno != EINTR) {
            return SECSESSION_LOST;
        }
    }
}

/* Sends what libpq has not sent yet, and reads until libpq has a whole result. */
static secsession_execution_t wait_for_result(PGconn *pg, int interrupt, apr_time_t deadline)
{
    int unsent = PQflush(pg);

    while (unsent > 0 || PQisBusy(pg)) {
        short events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
        secsession_execution_t waited = wait_for(pg, interrupt, events, deadline);

        if (waited != SECSESSION_EXECUTED) {
            return waited;
        }
        if (!PQconsumeInput(pg)) {
            return SECSESSION_LOST;
        }
        unsent = unsent > 0 ? PQflush(pg) : 0;
    }
    return unsent < 0 ? SECSESSION_LOST : SECSESSION_EXECUTED;
}

/* The classes of errors that the server reports before it closes the connection. */
static int says_goodbye(const char *sqlstate)
{
    return strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0;
}

static secsession_execution_t judge(PGconn *pg, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    const char *sqlstate;

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        return SECSESSION_EXECUTED;
    }
    sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQstatus(pg) != CONNECTION_OK || sqlstate == NULL || says_goodbye(sqlstate)) {
        return SECSESSION_LOST;
    }
    return strcmp(sqlstate, "26000") == 0 ? SECSESSION_UNPREPARED : SECSESSION_REFUSED;
}

/* The next result; NULL between two statements and at the end. */
static secsession_execution_t next_result(secsession_connection_t *connection, apr_time_t deadline,
                                          PGresult **next)
{
    secsession_execution_t waited = wait_for_result(connection->pg, connection->interrupt,
                                                    deadline);

    *next = waited == SECSESSION_EXECUTED ? PQgetResult(connection->pg) : NULL;
    return waited;
}

/* Takes the answers to what send_with_limit() sent: the first error, or else the statement's. */
static secsession_execution_t receive_both(secsession_connection_t *connection, apr_time_t deadline,
                                           PGresult **result)
{
    ExecStatusType status = PGRES_EMPTY_QUERY;

    while (status != PGRES_PIPELINE_SYNC && PQstatus(connection->pg) == CONNECTION_OK) {
        PGresult *next;
        secsession_execution_t waited = next_result(connection, deadline, &next);

        if (waited != SECSESSION_EXECUTED) {
            return waited;
        }
        status = next ? PQresultStatus(next) : PGRES_EMPTY_QUERY;
        if (next && status != PGRES_PIPELINE_SYNC && status != PGRES_PIPELINE_ABORTED) {
            PQclear(*result);
            *result = next;
        } else {
            PQclear(next);
        }
    }
    return PQexitPipelineMode(connection->pg) ? SECSESSION_EXECUTED : SECSESSION_LOST;
}

static secsession_execution_t receive_one(secsession_connection_t *connection, apr_time_t deadline,
                                          PGresult **result)
{
    PGresult *next;

    do {
        secsession_execution_t waited = next_result(connection, deadline, &next);

        if (waited != SECSESSION_EXECUTED) {
            return waited;
        }
        if (next) {
            PQclear(*result);
            *result = next;
        }
    } while (next);
    return SECSESSION_EXECUTED;
}

/* Takes the answer to what was just sent. */
static secsession_execution_t receive(secsession_connection_t *connection, apr_time_t deadline,
                                      PGresult **result)
{
    secsession_execution_t received;

    *result = NULL;
    received = PQpipelineStatus(connection->pg) == PQ_PIPELINE_OFF
                   ? receive_one(connection, deadline, result)
                   : receive_both(connection, deadline, result);
    if (received != SECSESSION_EXECUTED) {
        PQclear(*result);
        *result = NULL;
        return received;
    }
    return *result ? judge(connection->pg, *result) : SECSESSION_LOST;
}

/* 42P05: the pooler gave us a server connection on which this very statement is prepared
 * already. */
static secsession_execution_t prepare(secsession_connection_t *connection,
                                      const secsession_statement_t *statement, apr_time_t deadline,
                                      PGresult **result)
{
    secsession_execution_t prepared;

    if (!PQsendPrepare(connection->pg, statement->name, statement->sql, 0, NULL)) {
        return SECSESSION_LOST;
    }
    prepared = receive(connection, deadline, result);
    if (prepared == SECSESSION_REFUSED
        && strcmp(PQresultErrorField(*result, PG_DIAG_SQLSTATE), "42P05") == 0) {
        prepared = SECSESSION_EXECUTED;
    }
    if (prepared == SECSESSION_EXECUTED) {
        connection->prepared |= 1u << statement->number;
        PQclear(*result);
        *result = NULL;
    }
    return prepared;
}

static int send_statement(PGconn *pg, const secsession_statement_t *statement,
                          const secsession_parameters_t *parameters)
{
    return statement->unprepared
               ? PQsendQueryParams(pg, statement->sql, parameters->count, NULL, parameters->values,
                                   parameters->lengths, parameters->formats, 1)
               : PQsendQueryPrepared(pg, statement->name, parameters->count, parameters->values,
                                     parameters->lengths, parameters->formats, 1);
}

/* What is sent at once, without a Sync between, is one transaction: so the limit ends with the
 * statement, and no pooler hands it to somebody else. */
static int send_with_limit(PGconn *pg, const secsession_statement_t *statement,
                           const secsession_parameters_t *parameters)
{
    char limit[32];
    const char *values[] = { limit };

    apr_snprintf(limit, sizeof(limit), "%" APR_TIME_T_FMT, apr_time_as_msec(statement->within));
    return PQenterPipelineMode(pg)
           && PQsendQueryParams(pg, "select set_config('statement_timeout', $1, true)", 1, NULL,
                                values, NULL, NULL, 0)
           && send_statement(pg, statement, parameters) && PQpipelineSync(pg);
}

static secsession_execution_t run(secsession_connection_t *connection,
                                  const secsession_statement_t *statement,
                                  const secsession_parameters_t *parameters, apr_time_t deadline,
                                  PGresult **result)
{
    PGconn *pg = connection->pg;
    int is_sent = statement->within > 0 ? send_with_limit(pg, statement, parameters)
                                        : send_statement(pg, statement, parameters);

    return is_sent ? receive(connection, deadline, result) : SECSESSION_LOST;
}

static secsession_execution_t execute_prepared(secsession_connection_t *connection,
                                               const secsession_statement_t *statement,
                                               const secsession_parameters_t *parameters,
                                               apr_time_t deadline, PGresult **result)
{
    if (!(connection->prepared & (1u << statement->number))) {
        secsession_execution_t prepared = prepare(connection, statement, deadline, result);

        if (prepared != SECSESSION_EXECUTED) {
            return prepared;
        }
    }
    return run(connection, statement, parameters, deadline, result);
}

static secsession_execution_t execute(secsession_connection_t *connection,
                                      const secsession_statement_t *statement,
                                      const secsession_parameters_t *parameters,
                                      apr_time_t deadline, PGresult **result)
{
    secsession_execution_t execution;

    if (statement->unprepared) {
        return run(connection, statement, parameters, deadline, result);
    }
    execution = execute_prepared(connection, statement, parameters, deadline, result);
    if (execution == SECSESSION_UNPREPARED) {
        connection->prepared &= ~(1u << statement->number);
        PQclear(*result);
        execution = execute_prepared(connection, statement, parameters, deadline, result);
    }
    return execution;
}

secsession_execution_t secsession_connection_execute(secsession_connection_t *connection,
                                                     const secsession_statement_t *statement,
                                                     const secsession_parameters_t *parameters,
                                                     apr_time_t deadline, PGresult **result)
{
    secsession_execution_t execution;

    *result = NULL;
    expect_events(connection);
    execution = execute(connection, statement, parameters, deadline, result);
    if (execution == SECSESSION_EXECUTED) {
        tell_events(connection);
    }
    return execution;
}

secsession_execution_t secsession_connection_listen(secsession_connection_t *connection,
                                                    apr_time_t deadline)
{
    secsession_execution_t waited = wait_for(connection->pg, connection->interrupt, POLLIN,
                                             deadline);

    return waited == SECSESSION_EXECUTED && !PQconsumeInput(connection->pg) ? SECSESSION_LOST
                                                                            : waited;
}

void secsession_connection_cancel(secsession_connection_t *connection)
{
    PGcancel *cancel = PQgetCancel(connection->pg);
    char ignored[256]; /* why it failed: then the answer will not come, which is noticed anyway */

    if (cancel) {
        PQcancel(cancel, ignored, sizeof(ignored));
        PQfreeCancel(cancel);
    }
}

secsession_execution_t secsession_connection_settle(secsession_connection_t *connection,
                                                    apr_time_t deadline)
{
    PGresult *result;
    secsession_execution_t execution = receive(connection, deadline, &result);

    if (execution == SECSESSION_EXECUTED) {
        tell_events(connection);
    }
    PQclear(result);
    return execution;
}
