/* See config.h. */
#include "http/config.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(secsession);

#define UNSET (-1)

/* What is not said; DBDMax is mod_dbd's own. */
static const secsession_store_config_t DEFAULT_DATABASE = {
    .max = 10, .is_cached = 1, .slots = 65536, .lease_ms = 1000
};

static const secsession_throttle_t DEFAULT_THROTTLE = { 5, 5 * 60 };

static const secsession_limits_t STANDARD = { 30 * 60, 8 * 60 * 60 };

void *secsession_config_create_server(apr_pool_t *pool, server_rec *server)
{
    secsession_server_config_t *config = apr_pcalloc(pool, sizeof(*config));

    config->throttle.most = UNSET;
    config->database.is_cached = UNSET;
    config->database.stale_ms = UNSET;
    return config;
}

#define PICK(field) merged->field = over->field ? over->field : base->field
#define PICK_SET(field) merged->field = over->field != UNSET ? over->field : base->field

static secsession_store_config_t merge_database(const secsession_store_config_t *base,
                                                const secsession_store_config_t *over)
{
    secsession_store_config_t result = *base, *merged = &result;

    PICK(driver);
    PICK(params);
    PICK(max);
    PICK_SET(is_cached);
    PICK(slots);
    PICK(lease_ms);
    PICK_SET(stale_ms);
    PICK(feed);
    PICK(has_vaults);
    PICK(keys);
    return result;
}

void *secsession_config_merge_server(apr_pool_t *pool, void *base_data, void *over_data)
{
    const secsession_server_config_t *base = base_data, *over = over_data;
    secsession_server_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->in_use = base->in_use || over->in_use;
    PICK(realm);
    merged->forwarded = base->forwarded && over->forwarded
                            ? apr_array_append(pool, base->forwarded, over->forwarded)
                        : over->forwarded ? over->forwarded
                                          : base->forwarded;
    merged->database = merge_database(&base->database, &over->database);
    merged->throttle = over->throttle.most != UNSET ? over->throttle : base->throttle;
    merged->cookie = over->cookie.name ? over->cookie : base->cookie;
    return merged;
}

void *secsession_config_create_location(apr_pool_t *pool, char *path)
{
    secsession_location_config_t *location = apr_pcalloc(pool, sizeof(*location));

    location->enabled = UNSET;
    location->adopt = UNSET;
    location->cache_control = UNSET;
    location->app_login = UNSET;
    location->guard = UNSET;
    location->touch = UNSET;
    location->harden = UNSET;
    return location;
}

void *secsession_config_merge_location(apr_pool_t *pool, void *base_data, void *over_data)
{
    const secsession_location_config_t *base = base_data, *over = over_data;
    secsession_location_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    PICK_SET(enabled);
    PICK_SET(adopt);
    PICK_SET(cache_control);
    PICK(limits.idle);
    PICK(limits.absolute);
    PICK(login_page);
    PICK(login_home);
    PICK(logout_home);
    PICK(providers);
    PICK(clear_site_data);
    PICK(forward);
    PICK_SET(app_login);
    PICK_SET(guard);
    PICK_SET(touch);
    merged->guard_allows = over->guard != UNSET ? over->guard_allows : base->guard_allows;
    PICK(login_when);
    PICK(logout_when);
    PICK(vault);
    PICK_SET(harden);
    PICK(url_ids);
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
    if (config->throttle.most == UNSET) {
        config->throttle = DEFAULT_THROTTLE;
    }
    if (config->cookie.name == NULL) {
        config->cookie.name = "__Host-secsession";
        config->cookie.attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";
    }
    config->database = merge_database(&DEFAULT_DATABASE, &config->database);
}
