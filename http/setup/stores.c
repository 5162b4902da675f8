/* Creates the stores, one for each database, and assigns them to the servers. */
#include "http/setup/stores.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "http/setup/config.h"
#include "http/setup/eventlog.h"

APLOG_USE_MODULE(secsession);

static secsession_server_config_t *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &secsession_module);
}

/* An earlier server that uses the same database, or NULL. Servers with the cache and servers
 * without it do not share a store. */
static const secsession_server_config_t *find_twin(const server_rec *first,
                                                   const server_rec *server)
{
    const secsession_store_config_t *wanted = &config_of(server)->database;

    for (; first != server; first = first->next) {
        const secsession_server_config_t *config = config_of(first);

        if (config->in_use && strcmp(config->database.params, wanted->params) == 0
            && config->database.is_cached == wanted->is_cached) {
            return config;
        }
    }
    return NULL;
}

static int is_same_text(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

/* The directive on which two servers with the same database do not agree, or NULL. */
static const char *difference(const secsession_server_config_t *one_server,
                              const secsession_server_config_t *other_server)
{
    const secsession_store_config_t *one = &one_server->database, *other = &other_server->database;
    const struct {
        const char *directive;
        int is_same;
    } directives[] = {
        { "DBDMax", one->max == other->max },
        { "SecSessionUserNames", (one_server->lowercase == 1) == (other_server->lowercase == 1) },
        { "SecSessionKeys", one->keys == other->keys },
        { "SecSessionLog", is_same_text(one_server->log, other_server->log) },
        { "SecSessionCacheSlots", !one->is_cached || one->slots == other->slots },
        { "SecSessionLease", !one->is_cached || one->lease_ms == other->lease_ms },
        { "SecSessionStale", !one->is_cached || one->stale_ms == other->stale_ms },
        { "SecSessionFeed", !one->is_cached || is_same_text(one->feed, other->feed) },
    };

    for (apr_size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        if (!directives[i].is_same) {
            return directives[i].directive;
        }
    }
    return NULL;
}

int secsession_stores_check(server_rec *first)
{
    for (server_rec *server = first; server; server = server->next) {
        const secsession_server_config_t *config = config_of(server);
        const secsession_server_config_t *twin = config->in_use ? find_twin(first, server) : NULL;
        const char *directive = twin ? difference(twin, config) : NULL;

        if (directive) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server,
                         "SS304: servers with the same DBDParams must have the same %s, and %s:%u "
                         "has another one than a server before it: write it once, outside of the "
                         "virtual hosts",
                         directive, SECSESSION_PLACE(server));
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

/* Gives a server the store of its twin or, if it has none, a new store, which is the *number'th. */
static int give_store(apr_pool_t *pool, const server_rec *first, server_rec *server, int *number)
{
    secsession_server_config_t *config = config_of(server);
    const secsession_server_config_t *twin = find_twin(first, server);
    apr_status_t status;

    if (twin) {
        config->store = twin->store;
        return OK;
    }
    if (config->log) {
        config->database.sink = secsession_eventlog_open(pool, server, config->log);
        if (config->database.sink == NULL) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    status = secsession_store_create(&config->store, pool, server, &config->database, (*number)++);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, status, server,
                     "SS302: the session store cannot be created: check that the package with "
                     "apr_dbd_pgsql is installed and that there is enough shared memory for "
                     "SecSessionCacheSlots");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* If one server uses vaults, all stores are created with room for them, since servers share
 * stores. */
static void share_vaults(server_rec *first, int has_vaults)
{
    for (server_rec *server = first; server; server = server->next) {
        has_vaults |= config_of(server)->database.has_vaults;
    }
    for (server_rec *server = first; server; server = server->next) {
        config_of(server)->database.has_vaults = has_vaults;
    }
}

/* httpd reads its configuration twice when it starts, and says it once. */
static void complain_without_keys(server_rec *first)
{
    for (server_rec *server = first; server; server = server->next) {
        const secsession_server_config_t *config = config_of(server);

        if (config->in_use && config->database.keys == NULL
            && ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, server,
                         "SS313: there are no SecSessionKeys for %s:%u: whoever can write into the "
                         "session database, or call its functions as httpd does, can be any user; "
                         "write SecSessionKeys and a file that only root can read: (umask 077; "
                         "echo \"1 $(openssl rand -base64 32)\" > FILE)",
                         SECSESSION_PLACE(server));
            return;
        }
    }
}

int secsession_stores_create(apr_pool_t *pool, server_rec *first, int has_vaults)
{
    int status = OK, number = 0;

    complain_without_keys(first);

    share_vaults(first, has_vaults);
    for (server_rec *server = first; server && status == OK; server = server->next) {
        if (config_of(server)->in_use) {
            status = give_store(pool, first, server, &number);
        }
    }
    return status;
}

void secsession_stores_child_init(apr_pool_t *pool, server_rec *first)
{
    for (server_rec *server = first; server; server = server->next) {
        const secsession_server_config_t *config = config_of(server);
        apr_status_t status;

        if (config->store == NULL || find_twin(first, server)) {
            continue;
        }
        status = secsession_store_child_init(config->store, pool);
        if (status != APR_SUCCESS) {
            ap_log_error(
                APLOG_MARK, APLOG_CRIT, status, server,
                "SS303: this process cannot set up its connections to the session database "
                "or its feed: it answers requests with a session with 503, or queries the "
                "database for each; check the memory and process limits");
        }
    }
}
