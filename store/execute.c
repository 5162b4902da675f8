/* Running a statement on a connection until a deadline. */
#include <apr_strings.h>
#include <poll.h>
#include <string.h>

#include "store/connection.h"

_Static_assert(SECSESSION_STATEMENTS <= 8 * sizeof(((secsession_connection_t *)0)->prepared),
               "a bit for each statement");

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

/* Sends what libpq has not sent yet, and reads until libpq has a whole result. */
static secsession_execution_t wait_for_result(const secsession_connection_t *connection,
                                              apr_time_t deadline)
{
    PGconn *pg = connection->pg;
    int unsent = PQflush(pg);

    while (unsent > 0 || PQisBusy(pg)) {
        short events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
        secsession_execution_t waited = secsession_connection_wait(connection, events, deadline);

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
    secsession_execution_t waited = wait_for_result(connection, deadline);

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
