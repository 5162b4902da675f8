/* The thread of a child that waits for its turn to do what is left to do, a little at a time: what
 * is slow becomes smaller, and nobody waits for any of it.
 */
#include "store/housekeeper.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>

#include "store/answer.h"
#include "store/pace.h"
#include "store/threads.h"
#include "store/turn.h"

APLOG_USE_MODULE(secsession);

#define TELL_EVERY apr_time_from_sec(1)
#define SWEEP_EVERY apr_time_from_sec(1)
#define PURGE_EVERY apr_time_from_sec(60)
#define PURGE_AGAIN apr_time_from_sec(1) /* if something was removed, there may be more */
#define AGAIN_AFTER_TROUBLE apr_time_from_sec(5)
#define MOST 1000 /* sessions at once */
#define LONG apr_time_from_msec(200)
#define FULL 50 /* percent of the queue of NOTIFY */

struct secsession_housekeeper_t {
    server_rec *server;
    secsession_dbd_t *dbd;
    secsession_trouble_t *trouble;
    apr_proc_mutex_t *turn;
};

/* One of the two tasks. */
typedef struct {
    secsession_sql_t sql;
    apr_interval_time_t every;
    apr_interval_time_t again;
    apr_size_t batch;
    apr_time_t due; /* monotonic */
} task_t;

/* What the thread of this child uses: it lives as long as the process. */
typedef struct {
    const secsession_housekeeper_t *housekeeper;
    secsession_running_t *running;
    secsession_threads_t *threads;
    secsession_connection_t *connection; /* NULL: none is open */
    apr_pool_t *scratch;
    task_t tasks[2];
} watch_t;

apr_status_t secsession_housekeeper_create(secsession_housekeeper_t **result, apr_pool_t *pool,
                                           server_rec *server, secsession_dbd_t *dbd,
                                           secsession_trouble_t *trouble, int number)
{
    secsession_housekeeper_t *housekeeper = apr_pcalloc(pool, sizeof(*housekeeper));

    housekeeper->server = server;
    housekeeper->dbd = dbd;
    housekeeper->trouble = trouble;
    *result = housekeeper;
    return secsession_turn_create(&housekeeper->turn, server,
                                  apr_psprintf(server->process->pool, "secsession-housekeeper-%d",
                                               number));
}

static void close_connection(watch_t *watch)
{
    if (watch->connection) {
        secsession_connection_close(watch->connection);
        watch->connection = NULL;
    }
}

/* Runs a statement; *result is the caller's to PQclear. What goes wrong here is logged where it
 * matters to somebody: by requests. Whether it was run. */
static int execute(watch_t *watch, secsession_sql_t sql, const secsession_parameters_t *parameters,
                   PGresult **result)
{
    const secsession_statement_t statement = secsession_dbd_statement(watch->housekeeper->dbd, sql);

    return secsession_connection_execute(watch->connection, &statement, parameters,
                                         secsession_monotonic() + SECSESSION_DEADLINE, result)
           == SECSESSION_EXECUTED;
}

/* Whether there is a connection to the schema of this module. */
static int is_connected(watch_t *watch)
{
    const secsession_housekeeper_t *housekeeper = watch->housekeeper;
    const secsession_parameters_t tell = secsession_dbd_tell_events(housekeeper->dbd);
    PGresult *result = NULL;
    const char *error;
    int ok = 1;

    if (watch->connection) {
        return 1;
    }
    watch->connection = secsession_dbd_open(housekeeper->dbd, NULL, "mod_secsession housekeeper",
                                            watch->scratch, &error);
    if (watch->connection == NULL) {
        return 0;
    }
    watch->connection->interrupt = secsession_threads_stop(watch->threads);
    ok = execute(watch, SECSESSION_SQL_SCHEMA_VERSION, &tell, &result) && PQntuples(result) == 1
         && secsession_column_number(result, 0, 0, &ok) == SECSESSION_SCHEMA_VERSION && ok;
    PQclear(result);
    return ok;
}

static void warn_of_queue(const secsession_housekeeper_t *housekeeper, apr_int64_t percent)
{
    if (percent >= FULL
        && secsession_trouble_is_news(housekeeper->trouble, SECSESSION_TROUBLE_QUEUE)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, housekeeper->server,
                     "SS119: the queue of NOTIFY, which all databases of the PostgreSQL cluster "
                     "share, is filled to %d percent: revocations are heard with the next "
                     "heartbeat instead of at once; end the backend that listens and does not "
                     "read, which PostgreSQL's log names",
                     (int)percent);
    }
}

/* How long to leave the database to others after a batch. */
static apr_interval_time_t rest_after(const task_t *task, apr_int64_t found,
                                      apr_interval_time_t took)
{
    if (found >= (apr_int64_t)task->batch) {
        return took; /* half of the time */
    }
    return found > 0 ? task->again : task->every;
}

/* Whether the connection is of further use. */
static int work_on(watch_t *watch, task_t *task)
{
    secsession_parameters_t parameters = { 0 };
    apr_time_t begin = secsession_monotonic(), end;
    PGresult *result = NULL;
    apr_int64_t found = 0;
    int ok = 1, is_done;

    apr_pool_clear(watch->scratch);
    secsession_parameters_add_number(&parameters, watch->scratch, (apr_int64_t)task->batch);
    is_done = execute(watch, task->sql, &parameters, &result) && PQntuples(result) == 1;
    end = secsession_monotonic();
    if (is_done) {
        found = secsession_column_number(result, 0, 0, &ok);
        if (PQnfields(result) > 1) {
            warn_of_queue(watch->housekeeper, secsession_column_number(result, 0, 1, &ok));
        }
    }
    PQclear(result);
    task->due = end + rest_after(task, found, end - begin);
    task->batch = secsession_pace(task->batch, MOST, end - begin, LONG);
    return is_done;
}

/* Does what is due. How long to rest. */
static apr_interval_time_t work(watch_t *watch)
{
    apr_time_t next = secsession_monotonic() + SWEEP_EVERY;

    if (!is_connected(watch)) {
        close_connection(watch);
        return AGAIN_AFTER_TROUBLE;
    }
    for (apr_size_t i = 0; i < sizeof(watch->tasks) / sizeof(watch->tasks[0]); i++) {
        task_t *task = &watch->tasks[i];

        if (secsession_monotonic() >= task->due && !work_on(watch, task)) {
            close_connection(watch);
            return AGAIN_AFTER_TROUBLE;
        }
        next = task->due < next ? task->due : next;
    }
    return next > secsession_monotonic() ? next - secsession_monotonic() : 0;
}

/* `due` is when the next work is, monotonic. How long until then. */
static apr_interval_time_t work_if_due(watch_t *watch, apr_time_t *due)
{
    apr_time_t now = secsession_monotonic();

    if (now >= *due) {
        *due = now + work(watch);
        now = secsession_monotonic();
    }
    return *due > now ? *due - now : 0;
}

static void run(void *data)
{
    watch_t *watch = data;
    apr_time_t due = 0; /* our next work, monotonic */
    int is_our_turn = 0;

    while (!secsession_threads_rest(watch->threads, 0)) {
        apr_interval_time_t rest = TELL_EVERY;

        secsession_running_tell(watch->running, watch->scratch, watch->housekeeper->dbd);
        is_our_turn = is_our_turn
                      || apr_proc_mutex_trylock(watch->housekeeper->turn) == APR_SUCCESS;
        if (is_our_turn) {
            apr_interval_time_t left = work_if_due(watch, &due);

            rest = left < rest ? left : rest;
        }
        secsession_threads_rest(watch->threads, rest);
    }
    secsession_running_tell(watch->running, watch->scratch, watch->housekeeper->dbd);
    close_connection(watch);
    if (is_our_turn) {
        apr_proc_mutex_unlock(watch->housekeeper->turn);
    }
}

apr_status_t secsession_housekeeper_child_init(const secsession_housekeeper_t *housekeeper,
                                               apr_pool_t *child, secsession_running_t *running)
{
    static const task_t sweep = { SECSESSION_SQL_SWEEP, SWEEP_EVERY, 0, 100, 0 };
    static const task_t purge = { SECSESSION_SQL_PURGE, PURGE_EVERY, PURGE_AGAIN, 100, 0 };
    apr_pool_t *pool;
    watch_t *watch;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    watch = apr_pcalloc(pool, sizeof(*watch));
    watch->housekeeper = housekeeper;
    watch->running = running;
    watch->tasks[0] = sweep;
    watch->tasks[1] = purge;
    status = apr_pool_create(&watch->scratch, pool);
    if (status == APR_SUCCESS) {
        status = secsession_threads_create(&watch->threads, child);
    }
    return status == APR_SUCCESS ? secsession_threads_start(watch->threads, run, watch) : status;
}
