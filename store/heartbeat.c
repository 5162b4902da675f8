/* What is said and heard several times a second. See listener.c for the promise behind it. */
#include "store/heartbeat.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <stdlib.h>
#include <string.h>

#include "store/answer.h"
#include "store/message.h"
#include "store/pace.h"

APLOG_USE_MODULE(secsession);

#define BATCH_EVERY APR_USEC_PER_SEC
#define NEWS_LAST apr_time_from_sec(20) /* forget_changes() keeps them for longer */

/* How long an answer may take before the connection counts as lost: as long as the lease, but not
 * less than a second, since a short lease is no reason to give up a slow database. */
static apr_interval_time_t patience(const secsession_listener_t *listener)
{
    return listener->config.lease > APR_USEC_PER_SEC ? listener->config.lease : APR_USEC_PER_SEC;
}

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
    return secsession_listening_ask(listener, SECSESSION_SQL_HEARTBEAT, &parameters,
                                    begin + patience(listener));
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
        secsession_listening_log_lost(listener, version ? "the schema has another version"
                                                        : "LISTEN did not last");
        return 0;
    }
    secsession_listening_hear_all(listener);
    return 1;
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

int secsession_heartbeat_begin(secsession_listener_t *listener)
{
    see(listener, NULL, 0);
    return hear(listener, 0, 0, secsession_monotonic());
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

int secsession_heartbeat_beat(secsession_listener_t *listener)
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
    if (!beat(listener, count, secsession_use_share(listener->uses, count))) {
        return 0;
    }
    if (count == listener->batch) {
        listener->batch = secsession_pace(listener->batch, SECSESSION_LISTENING_BATCH,
                                          secsession_monotonic() - now, listener->config.lease / 8);
    }
    return 1;
}

int secsession_heartbeat_flush(secsession_listener_t *listener, apr_time_t until)
{
    apr_size_t count = SECSESSION_LISTENING_BATCH;
    int is_good = 1;

    while (is_good && count == SECSESSION_LISTENING_BATCH && secsession_monotonic() < until) {
        count = secsession_cache_uses(listener->config.cache, secsession_monotonic(), 0,
                                      listener->uses, SECSESSION_LISTENING_BATCH,
                                      &listener->cursor);
        is_good = count == 0 || beat(listener, count, 0);
    }
    return is_good;
}
