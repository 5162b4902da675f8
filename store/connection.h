/* One connection to PostgreSQL: opened by APR DBD, spoken to through the PGconn under its handle,
 * because only libpq itself can stop waiting at a deadline, tell a lost connection from an error,
 * and notice that a prepared statement is gone. Not for two threads at once.
 */
#ifndef SECSESSION_CONNECTION_H
#define SECSESSION_CONNECTION_H

#include <apr_dbd.h>
#include <apr_tables.h>
#include <apr_time.h>
#include <libpq-fe.h>

#include "store/parameters.h"
#include "store/sink.h"

/* As long a request waits for the database, connecting included. */
#define SECSESSION_DEADLINE apr_time_from_sec(2)

typedef struct secsession_connection_t {
    PGconn *pg;
    apr_pool_t *pool;              /* its own, so that threads share no allocator */
    apr_uint32_t prepared;         /* bit n: statement n is prepared on this connection */
    int verified;                  /* the schema behind it has the right version */
    const secsession_sink_t *sink; /* whom events are told; NULL: nobody */
    apr_pool_t *events_pool;
    apr_array_header_t *events; /* const char *, of the statement that is running */
    int interrupt;     /* a descriptor that ends every wait when it can be read; -1: none */
    int probe;         /* the pool's: whether this is the one attempt while the database hangs */
    int is_for_change; /* the pool's: whether its statement is a change */
    apr_time_t since;  /* the pool's: when it was taken or put back (monotonic) */
    struct secsession_connection_t *next; /* in a list of the one who has it */
} secsession_connection_t;

/* How many statements there can be: what `prepared` has bits for. */
#define SECSESSION_STATEMENTS 32

/* A statement, known to each connection under its name. A pooler can keep one that an older release
 * of this module has prepared: so two texts never have the same name, nor do two versions of the
 * schema. */
typedef struct {
    int number; /* below SECSESSION_STATEMENTS */
    const char *name;
    const char *sql;
    int unprepared; /* send the text each time: the way through a pooler without PREPARE */
    /* For so long the server may work on it, and no longer than statement_timeout, which is what 0
     * means. In whole milliseconds. */
    apr_interval_time_t within;
} secsession_statement_t;

typedef enum {
    SECSESSION_EXECUTED,   /* *result holds rows, in binary form */
    SECSESSION_REFUSED,    /* PostgreSQL answered with an error, in *result */
    SECSESSION_UNPREPARED, /* the statement is not prepared although it was just now */
    SECSESSION_LOST,       /* the connection is gone; whether the statement ran is unknown */
    SECSESSION_STALLED     /* no answer until the deadline, or interrupted */
} secsession_execution_t;

/* Microseconds of a clock that nobody sets and that runs on while the machine sleeps; at the start
 * of the machine it shows 20 years, the longest that a session can last twice over. */
apr_time_t secsession_monotonic(void);

/* Opens a connection (`params` and `name`: see conninfo.h). libpq's connect_timeout bounds the wait
 * for each of its hosts, and nothing bounds that for their names. The events of its statements go
 * to `sink` (NULL: to nobody) once secsession.tell_events is on. NULL if that fails, with *error
 * (in `scratch`) saying why. */
secsession_connection_t *secsession_connection_open(const apr_dbd_driver_t *driver,
                                                    const char *params, const char *name,
                                                    const secsession_sink_t *sink,
                                                    apr_pool_t *scratch, const char **error);

/* Waits for the socket, for what poll(2) calls `events`: EXECUTED; STALLED at the deadline or when
 * interrupted; LOST. */
secsession_execution_t secsession_connection_wait(const secsession_connection_t *connection,
                                                  short events, apr_time_t deadline);

/* Waits until the server says something of its own accord: EXECUTED; STALLED; LOST. */
secsession_execution_t secsession_connection_listen(secsession_connection_t *connection,
                                                    apr_time_t deadline);

/* Whether the connection still seems good, without asking the server. */
int secsession_connection_is_alive(secsession_connection_t *connection);

/* Whether there is something to be read, if only that the connection is lost. */
int secsession_connection_has_news(const secsession_connection_t *connection);

/* Runs a statement, preparing it first where needed. *result (which may become NULL) is the
 * caller's to PQclear. After LOST the connection can only be closed; after STALLED it can also be
 * settled. */
secsession_execution_t secsession_connection_execute(secsession_connection_t *connection,
                                                     const secsession_statement_t *statement,
                                                     const secsession_parameters_t *parameters,
                                                     apr_time_t deadline, PGresult **result);

/* Asks the server to give up the statement after STALLED. That takes as long as the host is silent,
 * without any bound. */
void secsession_connection_cancel(secsession_connection_t *connection);

/* After STALLED: waits until the deadline for what has become of the statement. STALLED: still no
 * answer; LOST; else the connection can be used again. */
secsession_execution_t secsession_connection_settle(secsession_connection_t *connection,
                                                    apr_time_t deadline);

void secsession_connection_close(secsession_connection_t *connection);

#endif
