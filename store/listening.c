/* What listening and heartbeats have in common: the feed's connection. */
#include "store/listening.h"

#include <ap_mpm.h>
#include <http_config.h>
#include <http_log.h>
#include <poll.h>

#include "store/message.h"

APLOG_USE_MODULE(secsession);

/* A child that only finishes its requests leaves the listening to others. */
int secsession_listening_is_stopping(const secsession_listener_t *listener)
{
    struct pollfd poller = { .fd = listener->interrupt, .events = POLLIN };
    int state = AP_MPMQ_RUNNING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING || poll(&poller, 1, 0) != 0;
}

void secsession_listening_log_lost(const secsession_listener_t *listener, const char *why)
{
    if (secsession_trouble_is_news(listener->config.trouble, SECSESSION_TROUBLE_FEED)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, listener->config.server,
                     "SS109: revocations cannot be heard: every request with a session asks the "
                     "database until they can; check PostgreSQL and DBDParams or SecSessionFeed: "
                     "%s",
                     why);
    }
}

PGresult *secsession_listening_ask(secsession_listener_t *listener, secsession_sql_t sql,
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
        secsession_listening_log_lost(listener, PQerrorMessage(listener->connection->pg));
    } else if (!secsession_listening_is_stopping(listener)) {
        secsession_listening_log_lost(listener, "no answer");
    }
    PQclear(result);
    return NULL;
}

void secsession_listening_hear_all(secsession_listener_t *listener)
{
    PGnotify *notify;

    while ((notify = PQnotifies(listener->connection->pg)) != NULL) {
        secsession_message_obey(listener->config.cache, notify->extra);
        PQfreemem(notify);
    }
}
