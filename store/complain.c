/* Messages on connections and statements. */
#include "store/complain.h"

#include <http_config.h>
#include <http_log.h>
#include <string.h>

APLOG_USE_MODULE(secsession);

void secsession_complain_no_connection(const secsession_complaints_t *complaints,
                                       secsession_pool_state_t state, int max, const char *error)
{
    if (state == SECSESSION_POOL_BUSY) {
        if (secsession_trouble_is_news(complaints->trouble, SECSESSION_TROUBLE_BUSY)) {
            ap_log_error(
                APLOG_MARK, APLOG_WARNING, 0, complaints->server,
                "SS102: no connection to the session database became free in time: sessions are "
                "answered with 503; raise DBDMax (a process has %d connections, a quarter of them "
                "for look-ups alone), or find what is slow in pg_stat_activity",
                max);
        }
    } else if (secsession_trouble_is_news(complaints->trouble, SECSESSION_TROUBLE_REACH)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, complaints->server,
            "SS101: the session database cannot be reached: sessions are answered with 503 "
            "until it is back; check PostgreSQL and DBDParams: %s",
            error ? error : "it does not answer");
    }
}

void secsession_complain_no_answer(const secsession_complaints_t *complaints)
{
    if (secsession_trouble_is_news(complaints->trouble, SECSESSION_TROUBLE_SILENT)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, complaints->server,
            "SS117: a statement had no answer in time: what needs it is answered with 503; see "
            "wait_event in pg_stat_activity: SyncRep means that COMMIT waits for a standby of "
            "synchronous_standby_names");
    }
}

/* 55P03 lock_not_available, 57014 query_canceled. */
int secsession_complain_is_late(const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return sqlstate && (strcmp(sqlstate, "55P03") == 0 || strcmp(sqlstate, "57014") == 0);
}

void secsession_complain_refused(const secsession_complaints_t *complaints, const PGresult *result,
                                 const char *holders)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (secsession_complain_is_late(result)) {
        if (secsession_trouble_is_news(complaints->trouble, SECSESSION_TROUBLE_LATE)) {
            ap_log_error(
                APLOG_MARK, APLOG_ERR, 0, complaints->server,
                "SS116: the session database gave up a statement that had to wait for a lock or "
                "took too long (SQLSTATE %s): what needs it is answered with 503; these keep locks "
                "on the tables of sessions: %s; look at them in pg_stat_activity, and end one that "
                "does nothing with pg_terminate_backend(pid): %s",
                sqlstate, holders ? holders : "(none any more)", message ? message : "no message");
        }
    } else if (secsession_trouble_is_news(complaints->trouble, SECSESSION_TROUBLE_STATEMENT)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, complaints->server,
            "SS103: the session database refuses a statement (SQLSTATE %s): what needs it is "
            "answered with 503; see PostgreSQL's log: %s",
            sqlstate ? sqlstate : "unknown", message ? message : "no message");
    }
}
