/* Opening a connection, and waiting for what the server says. */
#include "store/connection.h"

#include <apr_strings.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "store/conninfo.h"

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

static apr_status_t close_handle(void *pg)
{
    PQfinish(pg);
    return APR_SUCCESS;
}

secsession_connection_t *secsession_connection_open(const apr_dbd_driver_t *driver,
                                                    const char *params, const char *name,
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
    params = secsession_conninfo_complete(pool, params, name);
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

secsession_execution_t secsession_connection_wait(const secsession_connection_t *connection,
                                                  short events, apr_time_t deadline)
{
    struct pollfd pollers[] = { { .fd = PQsocket(connection->pg), .events = events },
                                { .fd = connection->interrupt, .events = POLLIN } };

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

secsession_execution_t secsession_connection_listen(secsession_connection_t *connection,
                                                    apr_time_t deadline)
{
    secsession_execution_t waited = secsession_connection_wait(connection, POLLIN, deadline);

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
