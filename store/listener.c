/* Listening, and the promise behind the lease: a heartbeat is answered with the news of everything
 * that has committed since the one before, so that when it is answered, whatever had been committed
 * before it was sent has been heard. NOTIFY only makes revocations heard sooner.
 */
#include "store/listener.h"

#include <ap_mpm.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "store/answer.h"
#include "store/message.h"
#include "store/pace.h"

APLOG_USE_MODULE(secsession);

#define BEATS_PER_LEASE 4
#define LONGEST_BEAT apr_time_from_msec(250)
#define BATCH 1000
#define BATCH_EVERY APR_USEC_PER_SEC
#define NEWS_LAST apr_time_from_sec(20) /* forget_changes() keeps them for longer */
#define FLUSH_WITHIN apr_time_from_msec(500) /* twice this is what a child that ends waits for */

struct secsession_listener_t {
    secsession_listener_config_t config;
    apr_pool_t *scratch; /* cleared at every beat */
    int interrupt;
    secsession_connection_t *connection;
    secsession_key_t awaited; /* to be heard before anything is believed; 0: nothing is */
    int is_stalled;           /* the server does not answer: asking again at once is of no use */
    char *seen; /* what the last heartbeat saw, malloc'ed; NULL: nothing since LISTEN */
    apr_time_t seen_at;
    apr_size_t cursor;
    apr_size_t batch; /* so many uses at once */
    apr_time_t next_batch;
    secsession_use_t uses[BATCH];
};

apr_status_t secsession_listener_create(secsession_listener_t **result, apr_pool_t *pool,
                                        const secsession_listener_config_t *config, int interrupt)
{
    secsession_listener_t *listener = apr_pcalloc(pool, sizeof(*listener));

    listener->config = *config;
    listener->interrupt = interrupt;
    listener->batch = BATCH;
    *result = listener;
    return apr_pool_create_unmanaged_ex(&listener->scratch, NULL, NULL);
}

/* A child that only finishes its requests leaves the listening to others. */
int secsession_listener_is_stopping(const secsession_listener_t *listener)
{
    struct pollfd poller = { .fd = listener->interrupt, .events = POLLIN };
    int state = AP_MPMQ_RUNNING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING || poll(&poller, 1, 0) != 0;
}

static void log_lost(const secsession_listener_t *listener, const char *why)
{
    if (secsession_trouble_is_news(listener->config.trouble, SECSESSION_TROUBLE_FEED)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, listener->config.server,
                     "SS109: revocations cannot be heard: every request with a session asks the "
                     "database until they can; check PostgreSQL and DBDParams or SecSessionFeed: "
                     "%s",
                     why);
    }
}

/* Runs one statement on the feed's connection. NULL: it is of no more use, which was logged. */
static PGresult *ask(secsession_listener_t *listener, secsession_sql_t sql,
                     const secsession_parameters_t *parameters, apr_time_t deadline)
{
    secsession_statement_t statement = secsession_dbd_statement(listener->config.dbd, sql);
    PGresult *result;
    secsession_execution_t execution = secsession_connection_execute(listener->connection,
                                                                     &statement, parameters,
                                                                     deadline, &result);

    if (execution == SECSESSION_EXECUTED) {
        return result;
    }
    listener->is_stalled = execution == SECSESSION_STALLED;
    if (execution != SECSESSION_STALLED) {
        log_lost(listener, PQerrorMessage(listener->connection->pg));
    } else if (!secsession_listener_is_stopping(listener)) {
        log_lost(listener, "no answer");
    }
    PQclear(result);
    return NULL;
}

/* Behind a pooler each statement may run in another server process, or the LISTEN be lost. */
static int is_direct(secsession_listener_t *listener, const PGresult *result)
{
    int ok = 1;
    apr_int64_t pid = secsession_column_number(result, 0, 0, &ok);

    if (ok && pid == PQbackendPID(listener->connection->pg)) {
        return 1;
    }
    if (secsession_trouble_is_news(listener->config.trouble, SECSESSION_TROUBLE_FEED)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, listener->config.server,
                     "SS110: revocations cannot be heard through a pooler: every request with a "
                     "session asks the database; give SecSessionFeed a connection to PostgreSQL "
                     "itself");
    }
    return 0;
}

static void log_elsewhere(const secsession_listener_t *listener)
{
    if (secsession_trouble_is_news(listener->config.trouble, SECSESSION_TROUBLE_FEED)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, listener->config.server,
                     "SS113: the connection that shall hear of revocations leads to another "
                     "database than DBDParams: every request with a session asks the database; "
                     "check SecSessionFeed, and that DBDParams names one server, the primary");
    }
}

static int begin_to_listen(secsession_listener_t *listener)
{
    static const secsession_sql_t steps[] = { SECSESSION_SQL_FEED_NAME, SECSESSION_SQL_LISTEN };
    const secsession_parameters_t tell = secsession_dbd_tell_events(listener->config.dbd);
    static const secsession_parameters_t none;
    const char *error;
    int is_good = 1;

    apr_pool_clear(listener->scratch);
    listener->connection = secsession_dbd_open(listener->config.dbd, listener->config.params,
                                               listener->scratch, &error);
    if (listener->connection == NULL) {
        log_lost(listener, error);
        return 0;
    }
    listener->connection->interrupt = listener->interrupt;
    for (int i = 0; is_good && i < 2; i++) {
        PGresult *result = ask(listener, steps[i],
                               steps[i] == SECSESSION_SQL_FEED_NAME ? &tell : &none,
                               secsession_monotonic() + SECSESSION_DEADLINE);

        is_good = result && (steps[i] != SECSESSION_SQL_FEED_NAME || is_direct(listener, result));
        PQclear(result);
    }
    return is_good;
}

static void hear_all(secsession_listener_t *listener)
{
    PGnotify *notify;

    while ((notify = PQnotifies(listener->connection->pg)) != NULL) {
        secsession_message_obey(listener->config.cache, notify->extra);
        PQfreemem(notify);
    }
}

/* How long an answer may take before the connection counts as lost: as long as the lease, but not
 * less than a second, since a short lease is no reason to give up a slow database. */
static apr_interval_time_t patience(const secsession_listener_t *listener)
{
    return listener->config.lease > APR_USEC_PER_SEC ? listener->config.lease : APR_USEC_PER_SEC;
}

/* --- the heartbeat --------------------------------------------------------------------------- */

/* The columns of secsession.heartbeat(). */
enum { VERSION, SEEN, NEWS, COLUMNS };

/* Of a snapshot that is too old the news may have been removed. */
static void see(secsession_listener_t *listener, const char *seen, apr_time_t at)
{
    free(listener->seen);
    listener->seen = seen ? strdup(seen) : NULL;
    listener->seen_at = at;
}

/* Believes nothing any more that others have changed since the heartbeat before, and remembers what
 * this one saw. Whether there is such an answer. */
static int hear_news(secsession_listener_t *listener, const PGresult *result, apr_time_t begin)
{
    const char *news = PQgetisnull(result, 0, NEWS) ? NULL : PQgetvalue(result, 0, NEWS);
    char awaited[2 * sizeof(listener->awaited) + 1];

    if (PQnfields(result) != COLUMNS || PQgetisnull(result, 0, SEEN)) {
        return 0;
    }
    if (news) {
        apr_snprintf(awaited, sizeof(awaited), "%016" APR_UINT64_T_HEX_FMT, listener->awaited);
        listener->awaited = strstr(news, awaited) ? 0 : listener->awaited;
        secsession_message_obey(listener->config.cache, news);
    }
    see(listener, PQgetvalue(result, 0, SEEN), begin);
    return 1;
}

/* The version of the schema behind the connection; 0: it does not listen any more. */
static apr_int64_t version_of(const PGresult *result)
{
    int ok = 1;
    apr_int64_t version = PQgetisnull(result, 0, VERSION)
                              ? 0
                              : secsession_column_number(result, 0, VERSION, &ok);

    return ok ? version : 0;
}

static PGresult *ask_heartbeat(secsession_listener_t *listener, apr_size_t count, double share,
                               apr_time_t begin)
{
    secsession_parameters_t parameters = { 0 };
    const char *ids, *ages;

    apr_pool_clear(listener->scratch);
    secsession_message_uses(listener->scratch, listener->uses, count, begin, &ids, &ages);
    secsession_parameters_add_text(&parameters, ids);
    secsession_parameters_add_text(&parameters, ages);
    secsession_parameters_add_text(&parameters,
                                   begin - listener->seen_at < NEWS_LAST ? listener->seen : NULL);
    secsession_parameters_add_text(&parameters, apr_psprintf(listener->scratch, "%g", share));
    return ask(listener, SECSESSION_SQL_HEARTBEAT, &parameters, begin + patience(listener));
}

/* Tells the database of the uses collected, and hears what it has to say. */
static int hear(secsession_listener_t *listener, apr_size_t count, double share, apr_time_t begin)
{
    PGresult *result = ask_heartbeat(listener, count, share, begin);
    apr_int64_t version;
    int is_heard;

    if (result == NULL) {
        return 0;
    }
    version = version_of(result);
    is_heard = hear_news(listener, result, begin);
    PQclear(result);
    if (!is_heard || version != SECSESSION_SCHEMA_VERSION) {
        log_lost(listener, version ? "the schema has another version" : "LISTEN did not last");
        return 0;
    }
    hear_all(listener);
    return 1;
}

/* The same, and renews the lease. */
static int beat(secsession_listener_t *listener, apr_size_t count, double share)
{
    const secsession_listener_config_t *config = &listener->config;
    apr_time_t begin = secsession_monotonic();

    if (!hear(listener, count, share, begin)) {
        return 0;
    }
    if (listener->awaited) {
        log_elsewhere(listener);
        return 0;
    }
    secsession_cache_extend_lease(config->cache, begin + config->lease);
    secsession_cache_uses_known(config->cache, listener->uses, count);
    return 1;
}

/* How often the database is to write: it knows the idle timeouts of the sessions, and not those of
 * locations. */
static double share_for(const secsession_listener_t *listener, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        if (listener->uses[i].is_early) {
            return 0;
        }
    }
    return SECSESSION_SHARE_OF_IDLE;
}

static int beat_with_uses(secsession_listener_t *listener)
{
    apr_time_t now = secsession_monotonic();
    apr_size_t count = 0;

    if (now >= listener->next_batch) {
        count = secsession_cache_uses(listener->config.cache, now, SECSESSION_SHARE_OF_IDLE,
                                      listener->uses, listener->batch, &listener->cursor);
        /* If there are more, they go with the next heartbeat, so that the database does not fall
         * behind. */
        listener->next_batch = count < listener->batch ? now + BATCH_EVERY : now;
    }
    if (!beat(listener, count, share_for(listener, count))) {
        return 0;
    }
    if (count == listener->batch) {
        listener->batch = secsession_pace(listener->batch, BATCH, secsession_monotonic() - now,
                                          listener->config.lease / 8);
    }
    return 1;
}

/* When the cache was emptied or is given up: tells the database of every use that only the cache
 * knows of. */
static int flush_uses(secsession_listener_t *listener)
{
    apr_time_t until = secsession_monotonic() + FLUSH_WITHIN;
    apr_size_t count = BATCH;
    int is_good = 1;

    while (is_good && count == BATCH && secsession_monotonic() < until) {
        count = secsession_cache_uses(listener->config.cache, secsession_monotonic(), 0,
                                      listener->uses, BATCH, &listener->cursor);
        is_good = count == 0 || beat(listener, count, 0);
    }
    return is_good;
}

static int listen_until(secsession_listener_t *listener, apr_time_t until)
{
    secsession_execution_t heard;

    do {
        heard = secsession_connection_listen(listener->connection, until);
        hear_all(listener);
    } while (heard == SECSESSION_EXECUTED);
    if (heard == SECSESSION_LOST) {
        log_lost(listener, PQerrorMessage(listener->connection->pg));
    }
    return heard == SECSESSION_STALLED;
}

/* What a child that ends has to say last. A heartbeat that was under way when it was told to end is
 * waited for first. */
static void take_leave(secsession_listener_t *listener)
{
    secsession_connection_t *connection = listener->connection;

    connection->interrupt = -1; /* or nothing more could be said */
    if (!listener->is_stalled
        || secsession_connection_settle(connection, secsession_monotonic() + FLUSH_WITHIN)
               == SECSESSION_EXECUTED) {
        flush_uses(listener);
    }
}

static void listen_on(secsession_listener_t *listener)
{
    apr_interval_time_t pause = listener->config.lease / BEATS_PER_LEASE;
    int is_good = 1;

    if (pause > LONGEST_BEAT) {
        pause = LONGEST_BEAT;
    }
    while (is_good && !secsession_listener_is_stopping(listener)) {
        apr_time_t next = secsession_monotonic() + pause;

        is_good = beat_with_uses(listener) && listen_until(listener, next);
    }
    if ((is_good || listener->is_stalled) && secsession_listener_is_stopping(listener)) {
        take_leave(listener);
    }
}

/* Sends a message over a connection that looks sessions up. This connection must hear it: else the
 * two do not lead to the same database. */
static int announce(secsession_listener_t *listener)
{
    secsession_parameters_t parameters = { 0 };
    unsigned char random[sizeof(listener->awaited)];

    if (apr_generate_random_bytes(random, sizeof(random)) != APR_SUCCESS) {
        return 0;
    }
    memcpy(&listener->awaited, random, sizeof(random));
    listener->awaited |= 1; /* never 0 */
    secsession_parameters_add_text(&parameters,
                                   apr_psprintf(listener->scratch, "%016" APR_UINT64_T_HEX_FMT,
                                                listener->awaited));
    return secsession_dbd_query(listener->config.dbd, listener->scratch, SECSESSION_SQL_ANNOUNCE,
                                &parameters)
           != NULL;
}

int secsession_listener_serve(secsession_listener_t *listener)
{
    const secsession_listener_config_t *config = &listener->config;
    int is_listening = begin_to_listen(listener);

    listener->is_stalled = 0;
    if (is_listening) {
        /* Nothing that the cache holds is believed any more: only from here on is every change
         * heard. */
        secsession_cache_invalidate_all(config->cache);
        see(listener, NULL, 0);
        is_listening = hear(listener, 0, 0, secsession_monotonic()) && announce(listener)
                       && beat(listener, 0, 0);
    }
    if (is_listening) {
        if (secsession_trouble_is_feed_over(config->trouble)) {
            ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, config->server,
                         "SS111: revocations are heard again");
        }
        if (flush_uses(listener)) {
            listen_on(listener);
        }
    }
    if (listener->connection) {
        secsession_connection_close(listener->connection);
        listener->connection = NULL;
    }
    return is_listening && !listener->is_stalled;
}
