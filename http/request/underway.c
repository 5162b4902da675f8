/* Watches the sessions of requests that take longer, and cuts their connections. */
#include "http/request/underway.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <fcntl.h>
#include <http_core.h>
#include <http_log.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/request/current.h"

APLOG_USE_MODULE(secsession);

/* What the store said so recently is not asked again. */
#define RECENTLY apr_time_from_msec(250)

/* What the thread that notices the end needs. */
typedef struct {
    server_rec *server;
    const char *uri, *session, *user;
    int socket; /* a duplicate, which nobody else closes; -1: none */
} cut_t;

static void say(const cut_t *cut, secsession_outcome_t why)
{
    if (why == SECSESSION_UNAVAILABLE) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cut->server,
                     "SS276: what is under way at %s is cut: nothing is known of session %s of "
                     "user %s, since the database gives no answer",
                     cut->uri, cut->session, cut->user);
    } else {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, cut->server,
                     "SS275: what is under way at %s is cut: session %s of user %s has ended",
                     cut->uri, cut->session, cut->user);
    }
}

/* Whoever reads from the connection or writes to it gets an error, and closes it. What has not been
 * sent by then is thrown away with it, and the client is told that the response is not whole. */
static void sever(int descriptor)
{
    static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    shutdown(descriptor, SHUT_RDWR);
}

static void at_end(void *data, secsession_outcome_t why)
{
    const cut_t *cut = data;

    say(cut, why);
    if (cut->socket >= 0) {
        sever(cut->socket);
    }
}

static cut_t *describe(const secsession_here_t *here)
{
    const secsession_session_t *session = here->context->session;
    apr_pool_t *pool = here->r->pool;
    cut_t *cut = apr_palloc(pool, sizeof(*cut));

    *cut = (cut_t){ .server = here->r->server,
                    .uri = apr_pstrdup(pool, here->r->uri),
                    .session = session->id,
                    .user = session->user ? session->user : "(nobody)",
                    .socket = -1 };
    return cut;
}

static secsession_outcome_t watch(const secsession_here_t *here)
{
    secsession_context_t *context = here->context;
    secsession_outcome_t outcome;

    if (context->vigil == NULL) {
        context->vigil = secsession_store_watch(here->server->store, here->r->pool,
                                                context->session,
                                                secsession_config_caps(here->location).absolute);
    }
    if (context->vigil == NULL) {
        return SECSESSION_UNAVAILABLE; /* which has been logged */
    }
    outcome = secsession_store_goes_on(context->vigil);
    if (outcome != SECSESSION_LIVE && !context->is_cut) {
        context->is_cut = 1;
        say(describe(here), outcome);
    }
    return outcome;
}

/* Whether there is a session that this request has not ended by itself. */
static int has_session(const secsession_here_t *here)
{
    return here->context && here->context->is_looked_up && !here->context->forget
           && secsession_current(here) != NULL;
}

secsession_outcome_t secsession_underway_outcome(const secsession_here_t *here)
{
    if (!has_session(here)
        || (here->context->vigil == NULL
            && secsession_store_told_ago(here->context->session) < RECENTLY)) {
        return SECSESSION_LIVE;
    }
    return watch(here);
}

static apr_status_t close_duplicate(void *cut)
{
    close(((cut_t *)cut)->socket);
    return APR_SUCCESS;
}

/* The connection may be closed at any moment, and its descriptor be another's then: so the thread
 * gets one of its own. */
static void duplicate(request_rec *r, cut_t *cut)
{
    apr_os_sock_t descriptor;

    if (r->connection->master == NULL
        && apr_os_sock_get(&descriptor, ap_get_conn_socket(r->connection)) == APR_SUCCESS) {
        cut->socket = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    }
    if (cut->socket >= 0) {
        apr_pool_cleanup_register(r->pool, cut, close_duplicate, apr_pool_cleanup_null);
    }
}

secsession_outcome_t secsession_underway_cut_at_end(const secsession_here_t *here)
{
    secsession_context_t *context = here->context;
    secsession_outcome_t outcome = has_session(here) ? watch(here) : SECSESSION_LIVE;
    cut_t *cut;

    if (outcome != SECSESSION_LIVE || context->vigil == NULL || context->is_cut) {
        return outcome;
    }
    cut = describe(here);
    duplicate(here->r, cut);
    context->is_cut = 1;
    return secsession_store_at_end(context->vigil, at_end, cut);
}

apr_status_t secsession_underway_break_off(conn_rec *connection)
{
    apr_os_sock_t descriptor;

    connection->aborted = 1;
    connection->keepalive = AP_CONN_CLOSE;
    if (connection->master == NULL
        && apr_os_sock_get(&descriptor, ap_get_conn_socket(connection)) == APR_SUCCESS) {
        sever(descriptor);
    }
    return APR_ECONNABORTED;
}
