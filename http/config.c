/* See config.h. The directives' arguments are read in arguments.c. */
#include "http/config.h"

#include <ap_provider.h>
#include <apr_strings.h>
#include <http_log.h>

#include "http/arguments.h"

APLOG_USE_MODULE(secsession);

#define UNSET (-1)

/* What is not said; DBDMax is mod_dbd's own. */
static const secsession_store_config_t DEFAULT_DATABASE = {
    .max = 10, .is_cached = 1, .slots = 65536, .lease_ms = 1000
};

static const secsession_limits_t STANDARD = { 30 * 60, 8 * 60 * 60 };

#define LOCATION(field) (void *)APR_OFFSETOF(secsession_location_config_t, field)
#define SERVER(field) (void *)APR_OFFSETOF(secsession_server_config_t, field)
#define EVERYWHERE (RSRC_CONF | ACCESS_CONF)

static const char *set_enabled(cmd_parms *cmd, void *location, int enabled)
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);

    ((secsession_location_config_t *)location)->enabled = enabled;
    server->in_use |= enabled;
    return NULL;
}

static const char *set_duration(cmd_parms *cmd, void *location, const char *argument)
{
    int *seconds = (int *)((char *)location + (apr_size_t)cmd->info);

    return secsession_argument_duration(cmd, argument, seconds);
}

static const char *set_path(cmd_parms *cmd, void *location, const char *argument)
{
    const char **path = (const char **)((char *)location + (apr_size_t)cmd->info);

    *path = argument;
    return secsession_argument_path(cmd, argument);
}

static const char *set_realm(cmd_parms *cmd, void *location, const char *argument)
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);

    server->realm = argument;
    return secsession_argument_realm(cmd, argument);
}

static const char *set_cookie(cmd_parms *cmd, void *location, int argc, char *const argv[])
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);

    return secsession_argument_cookie(cmd, argc, argv, &server->cookie.name,
                                      &server->cookie.attributes);
}

static const char *set_providers(cmd_parms *cmd, void *location, int argc, char *const argv[])
{
    apr_array_header_t *providers = apr_array_make(cmd->pool, argc, sizeof(const char *));

    if (argc == 0) {
        return "SecSessionAuthProvider wants at least one provider, for example: file";
    }
    for (int i = 0; i < argc; i++) {
        const authn_provider *provider = ap_lookup_provider(AUTHN_PROVIDER_GROUP, argv[i],
                                                            AUTHN_PROVIDER_VERSION);

        if (provider == NULL || provider->check_password == NULL) {
            return apr_psprintf(cmd->pool,
                                "SecSessionAuthProvider: no module provides '%s'; "
                                "is its mod_authn_%s or mod_authnz_%s loaded?",
                                argv[i], argv[i], argv[i]);
        }
        APR_ARRAY_PUSH(providers, const char *) = argv[i];
    }
    ((secsession_location_config_t *)location)->providers = providers;
    return NULL;
}

static const char *set_clear_site_data(cmd_parms *cmd, void *location, int argc, char *const argv[])
{
    return secsession_argument_clear_site_data(cmd, argc, argv,
                                               &((secsession_location_config_t *)location)
                                                    ->clear_site_data);
}

/* Where the directive's value belongs: info is its place in the server's configuration. */
static void *place_of(cmd_parms *cmd)
{
    char *server = ap_get_module_config(cmd->server->module_config, &secsession_module);

    return server + (apr_size_t)cmd->info;
}

/* mod_dbd's directives are read along: httpd hands a directive to every module that declares it. */
static const char *set_dbd_text(cmd_parms *cmd, void *location, const char *argument)
{
    *(const char **)place_of(cmd) = argument;
    return NULL;
}

static const char *set_dbd_max(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_number(cmd, argument, 10000, place_of(cmd));
}

static const char *set_cached(cmd_parms *cmd, void *location, int is_cached)
{
    *(int *)place_of(cmd) = is_cached;
    return NULL;
}

static const char *set_slots(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_number(cmd, argument, 10 * 1000 * 1000, place_of(cmd));
}

static const char *set_lease(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_milliseconds(cmd, argument, 100, place_of(cmd));
}

static const char *set_stale(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_milliseconds(cmd, argument, 0, place_of(cmd));
}

static const char *set_feed(cmd_parms *cmd, void *location, const char *argument)
{
    *(const char **)place_of(cmd) = argument;
    return secsession_argument_connection(cmd, argument);
}

const command_rec secsession_directives[] = {
    AP_INIT_FLAG("SecSession", set_enabled, NULL, EVERYWHERE, "On: sessions are looked up here"),
    AP_INIT_TAKE1("SecSessionRealm", set_realm, NULL, RSRC_CONF,
                  "the name under which virtual hosts share sessions; default: the ServerName"),
    AP_INIT_TAKE_ARGV("SecSessionCookie", set_cookie, NULL, RSRC_CONF,
                      "name [SameSite=Strict|Lax|None] [Path=/path] [Domain=host] [Insecure]"),
    AP_INIT_TAKE1("SecSessionIdleTimeout", set_duration, LOCATION(limits.idle), EVERYWHERE,
                  "how long a session lasts without a request; default: 30m"),
    AP_INIT_TAKE1("SecSessionAbsoluteTimeout", set_duration, LOCATION(limits.absolute), EVERYWHERE,
                  "how long a session lasts after the login; default: 8h"),
    AP_INIT_TAKE_ARGV("SecSessionAuthProvider", set_providers, NULL, EVERYWHERE,
                      "authentication providers that the login form asks; default: file"),
    AP_INIT_TAKE1("SecSessionLoginPage", set_path, LOCATION(login_page), EVERYWHERE,
                  "the path to which a browser without a session is sent"),
    AP_INIT_TAKE1("SecSessionLoginHome", set_path, LOCATION(login_home), EVERYWHERE,
                  "the path shown after a login that had no other aim; default: /"),
    AP_INIT_TAKE1("SecSessionLogoutHome", set_path, LOCATION(logout_home), EVERYWHERE,
                  "the path shown after a logout; default: /"),
    AP_INIT_FLAG("SecSessionCacheControl", ap_set_flag_slot, LOCATION(cache_control), EVERYWHERE,
                 "Off: leave Cache-Control as it is, for static files; default: On"),
    AP_INIT_TAKE_ARGV("SecSessionClearSiteData", set_clear_site_data, NULL, EVERYWHERE,
                      "what a browser clears at logout: cache, cookies, storage, "
                      "executionContexts, or none; default: cache storage"),
    AP_INIT_FLAG("SecSessionCache", set_cached, SERVER(database.is_cached), RSRC_CONF,
                 "Off: every request with a session asks the database; default: On"),
    AP_INIT_TAKE1("SecSessionCacheSlots", set_slots, SERVER(database.slots), RSRC_CONF,
                  "how many sessions are held in shared memory, 320 bytes each; default: 65536"),
    AP_INIT_TAKE1("SecSessionLease", set_lease, SERVER(database.lease_ms), RSRC_CONF,
                  "how late a revocation may be obeyed at most; default: 1s"),
    AP_INIT_TAKE1("SecSessionStale", set_stale, SERVER(database.stale_ms), RSRC_CONF,
                  "how long cached sessions are served without a database; default: 0"),
    AP_INIT_TAKE1("SecSessionFeed", set_feed, SERVER(database.feed), RSRC_CONF,
                  "a direct connection to listen on, where DBDParams names a pooler"),
    AP_INIT_TAKE1("DBDriver", set_dbd_text, SERVER(database.driver), RSRC_CONF, "mod_dbd's"),
    AP_INIT_TAKE1("DBDParams", set_dbd_text, SERVER(database.params), RSRC_CONF, "mod_dbd's"),
    AP_INIT_TAKE1("DBDMax", set_dbd_max, SERVER(database.max), RSRC_CONF, "mod_dbd's"),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};

void *secsession_config_create_server(apr_pool_t *pool, server_rec *server)
{
    secsession_server_config_t *config = apr_pcalloc(pool, sizeof(*config));

    config->database.is_cached = UNSET;
    config->database.stale_ms = UNSET;
    return config;
}

#define PICK(field) merged->field = over->field ? over->field : base->field
#define PICK_SET(field) merged->field = over->field != UNSET ? over->field : base->field

static secsession_store_config_t merge_database(const secsession_store_config_t *base,
                                                const secsession_store_config_t *over)
{
    secsession_store_config_t result, *merged = &result;

    PICK(driver);
    PICK(params);
    PICK(max);
    PICK_SET(is_cached);
    PICK(slots);
    PICK(lease_ms);
    PICK_SET(stale_ms);
    PICK(feed);
    return result;
}

void *secsession_config_merge_server(apr_pool_t *pool, void *base_data, void *over_data)
{
    const secsession_server_config_t *base = base_data, *over = over_data;
    secsession_server_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->in_use = base->in_use || over->in_use;
    PICK(realm);
    merged->database = merge_database(&base->database, &over->database);
    merged->cookie = over->cookie.name ? over->cookie : base->cookie;
    return merged;
}

void *secsession_config_create_location(apr_pool_t *pool, char *path)
{
    secsession_location_config_t *location = apr_pcalloc(pool, sizeof(*location));

    location->enabled = UNSET;
    location->cache_control = UNSET;
    return location;
}

void *secsession_config_merge_location(apr_pool_t *pool, void *base_data, void *over_data)
{
    const secsession_location_config_t *base = base_data, *over = over_data;
    secsession_location_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    PICK_SET(enabled);
    PICK_SET(cache_control);
    PICK(limits.idle);
    PICK(limits.absolute);
    PICK(login_page);
    PICK(login_home);
    PICK(logout_home);
    PICK(providers);
    PICK(clear_site_data);
    return merged;
}

const secsession_server_config_t *secsession_config_server(const request_rec *r)
{
    return ap_get_module_config(r->server->module_config, &secsession_module);
}

const secsession_location_config_t *secsession_config_location(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &secsession_module);
}

secsession_limits_t secsession_config_limits(const secsession_location_config_t *location)
{
    secsession_limits_t limits = location->limits;

    if (limits.idle == 0) {
        limits.idle = STANDARD.idle;
    }
    if (limits.absolute == 0) {
        limits.absolute = STANDARD.absolute;
    }
    return limits;
}

static secsession_server_config_t *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &secsession_module);
}

int secsession_config_check(apr_pool_t *pool, server_rec *server)
{
    for (; server; server = server->next) {
        const secsession_server_config_t *config = config_of(server);

        if (!config->in_use) {
            continue;
        }
        if (config->database.params == NULL || config->database.driver == NULL
            || strcmp(config->database.driver, "pgsql") != 0) {
            ap_log_error(
                APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server,
                "SS301: SecSession is On at %s:%u, but its database is not configured: write "
                "DBDriver pgsql, and DBDParams \"dbname=... user=...\"",
                server->defn_name ? server->defn_name : "the main server",
                server->defn_line_number);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

void secsession_config_complete(apr_pool_t *pool, const server_rec *server)
{
    secsession_server_config_t *config = config_of(server);

    if (config->realm == NULL) {
        char *name = apr_pstrdup(pool,
                                 server->server_hostname ? server->server_hostname : "localhost");

        ap_str_tolower(name);
        config->realm = name;
    }
    if (config->cookie.name == NULL) {
        config->cookie.name = "__Host-secsession";
        config->cookie.attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";
    }
    config->database = merge_database(&DEFAULT_DATABASE, &config->database);
}
