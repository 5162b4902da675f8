/* Listening, and the promise behind the lease: a heartbeat is answered with the news of everything
 * that has committed since the one before, so that when it is answered, whatever had been committed
 * before it was sent has been heard. NOTIFY only makes revocations heard sooner.
 */
#include "store/listener.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>

#include "store/answer.h"
#include "store/heartbeat.h"

APLOG_USE_MODULE(secsession);

#define BEATS_PER_LEASE 4
#define LONGEST_BEAT apr_time_from_msec(250)
#define FLUSH_WITHIN apr_time_from_msec(500) /* twice this is what a child that ends waits for */

apr_status_t secsession_listener_create(secsession_listener_t **result, apr_pool_t *pool,
                                        const secsession_listener_config_t *config, int interrupt)
{
    secsession_listener_t *listener = apr_pcalloc(pool, sizeof(*listener));

    listener->config = *config;
    listener->interrupt = interrupt;
    listener->batch = SECSESSION_LISTENING_BATCH;
    *result = listener;
    return apr_pool_create_unmanaged_ex(&listener->scratch, NULL, NULL);
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

static int begin_to_listen(secsession_listener_t *listener)
{
    static const secsession_sql_t steps[] = { SECSESSION_SQL_FEED_SETTINGS, SECSESSION_SQL_LISTEN };
    const secsession_parameters_t tell = secsession_dbd_tell_events(listener->config.dbd);
    static const secsession_parameters_t none;
    const char *error;
    int is_good = 1;

    apr_pool_clear(listener->scratch);
    listener->connection = secsession_dbd_open(listener->config.dbd, listener->config.params,
                                               "mod_secsession feed", listener->scratch, &error);
    if (listener->connection == NULL) {
        secsession_listening_log_lost(listener, error);
        return 0;
    }
    listener->connection->interrupt = listener->interrupt;
    for (int i = 0; is_good && i < 2; i++) {
        PGresult *result =
            secsession_listening_ask(listener, steps[i],
                                     steps[i] == SECSESSION_SQL_FEED_SETTINGS ? &tell : &none,
                                     secsession_monotonic() + SECSESSION_DEADLINE);

        is_good = result
                  && (steps[i] != SECSESSION_SQL_FEED_SETTINGS || is_direct(listener, result));
        PQclear(result);
    }
    return is_good;
}

static int listen_until(secsession_listener_t *listener, apr_time_t until)
{
    secsession_execution_t heard;

    do {
        heard = secsession_connection_listen(listener->connection, until);
        secsession_listening_hear_all(listener);
    } while (heard == SECSESSION_EXECUTED);
    if (heard == SECSESSION_LOST) {
        secsession_listening_log_lost(listener, PQerrorMessage(listener->connection->pg));
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
        secsession_heartbeat_flush(listener, secsession_monotonic() + FLUSH_WITHIN);
    }
}

static void listen_on(secsession_listener_t *listener)
{
    apr_interval_time_t pause = listener->config.lease / BEATS_PER_LEASE;
    int is_good = 1;

    if (pause > LONGEST_BEAT) {
        pause = LONGEST_BEAT;
    }
    while (is_good && !secsession_listening_is_stopping(listener)) {
        apr_time_t next = secsession_monotonic() + pause;

        is_good = secsession_heartbeat_beat(listener) && listen_until(listener, next);
    }
    if ((is_good || listener->is_stalled) && secsession_listening_is_stopping(listener)) {
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
        is_listening = secsession_heartbeat_begin(listener) && announce(listener)
                       && secsession_heartbeat_beat(listener);
    }
    if (is_listening) {
        if (secsession_trouble_is_feed_over(config->trouble)) {
            ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, config->server,
                         "SS111: revocations are heard again");
        }
        if (secsession_heartbeat_flush(listener, secsession_monotonic() + FLUSH_WITHIN)) {
            listen_on(listener);
        }
    }
    if (listener->connection) {
        secsession_connection_close(listener->connection);
        listener->connection = NULL;
    }
    return is_listening && !listener->is_stalled;
}
