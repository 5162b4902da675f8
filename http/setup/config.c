/* The configuration records: the defaults, the profiles, and what a virtual host or a section
 * inherits from the server around it. */
#include "http/setup/config.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(secsession);

#define UNSET (-1)

/* The defaults of the database; the one of DBDMax is mod_dbd's. */
static const secsession_store_config_t DEFAULT_DATABASE = {
    .max = 10, .is_cached = 1, .slots = 65536, .lease_ms = 1000
};

static const secsession_throttle_t DEFAULT_THROTTLE = { 5, 5 * 60 };

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* The numbers come from two sources. The OWASP Session Management Cheat Sheet recommends an idle
 * timeout of 15 to 30 minutes, or of 2 to 5 minutes for high-value applications, and an absolute
 * timeout of 4 to 8 hours. NIST SP 800-63B-4, 2.1.3 to 2.3.3, allows an absolute timeout of 30 days
 * at AAL1, 24 hours with an hour idle at AAL2, and 12 hours with 15 minutes idle at AAL3. */
typedef struct {
    secsession_limits_t limits;
    secsession_limits_t remembered;
    int rotate_interval;
    const char *same_site;
} profile_t;

static const profile_t PROFILES[] = {
    [SECSESSION_PROFILE_STANDARD] = { { 30 * MINUTE, 8 * HOUR }, { 0, 0 }, 15 * MINUTE, "Lax" },
    [SECSESSION_PROFILE_SENSITIVE] = { { 10 * MINUTE, 4 * HOUR }, { 0, 0 }, 5 * MINUTE, "Strict" },
    [SECSESSION_PROFILE_REMEMBER] = { { 30 * MINUTE, 8 * HOUR },
                                      { 7 * DAY, 30 * DAY },
                                      15 * MINUTE,
                                      "Lax" },
};

#define ROTATE_GRACE 10 /* seconds */

static const profile_t *profile_of(int said)
{
    return &PROFILES[said == UNSET ? SECSESSION_PROFILE_STANDARD : said];
}

void *secsession_config_create_server(apr_pool_t *pool, server_rec *server)
{
    secsession_server_config_t *config = apr_pcalloc(pool, sizeof(*config));

    config->throttle.most = UNSET;
    config->profile = UNSET;
    config->rotation.interval = UNSET;
    config->crowd.most = UNSET;
    config->lowercase = UNSET;
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

static const apr_array_header_t *both(apr_pool_t *pool, const apr_array_header_t *one,
                                      const apr_array_header_t *other)
{
    if (one == NULL || other == NULL) {
        return one ? one : other;
    }
    return apr_array_append(pool, one, other);
}

void *secsession_config_merge_server(apr_pool_t *pool, void *base_data, void *over_data)
{
    const secsession_server_config_t *base = base_data, *over = over_data;
    secsession_server_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->in_use = base->in_use || over->in_use;
    PICK(realm);
    PICK(is_realm_chosen);
    PICK(log);
    merged->forwarded = both(pool, base->forwarded, over->forwarded);
    merged->vaulted = both(pool, base->vaulted, over->vaulted);
    merged->sources = both(pool, base->sources, over->sources);
    merged->database = merge_database(&base->database, &over->database);
    merged->throttle = over->throttle.most != UNSET ? over->throttle : base->throttle;
    merged->cookie = over->cookie.name ? over->cookie : base->cookie;
    PICK_SET(profile);
    /* A profile that the virtual host names takes precedence over the server's interval. */
    merged->rotation.interval = over->rotation.interval != UNSET || over->profile != UNSET
                                    ? over->rotation.interval
                                    : base->rotation.interval;
    PICK(rotation.grace);
    PICK_SET(lowercase);
    merged->crowd = over->crowd.most != UNSET ? over->crowd : base->crowd;
    return merged;
}

void *secsession_config_create_location(apr_pool_t *pool, char *path)
{
    secsession_location_config_t *location = apr_pcalloc(pool, sizeof(*location));

    location->enabled = UNSET;
    location->is_section = path != NULL;
    location->profile = UNSET;
    location->remembered.absolute = UNSET;
    location->bind = UNSET;
    location->stamp = UNSET;
    location->adopt = UNSET;
    location->cache_control = UNSET;
    location->app_login = UNSET;
    location->guard = UNSET;
    location->touch = UNSET;
    location->harden = UNSET;
    return location;
}

/* A field that a section does not set is inherited from the configuration around it. */
#define INHERIT(field)                                                                             \
    if (merged->field == NULL) {                                                                   \
        merged->field = base->field;                                                               \
    }
#define INHERIT_SET(field)                                                                         \
    if (merged->field == UNSET) {                                                                  \
        merged->field = base->field;                                                               \
    }

/* The limits of `over`; those that are not set there are taken from `base`. */
static secsession_limits_t overlay(secsession_limits_t base, secsession_limits_t over)
{
    return (secsession_limits_t){ over.idle ? over.idle : base.idle,
                                  over.absolute ? over.absolute : base.absolute };
}

/* The limits that the directives of a location set, either themselves or through a profile. */
static secsession_limits_t named(const secsession_location_config_t *location)
{
    return location->profile == UNSET ? location->limits : secsession_config_limits(location);
}

/* A profile that the section names takes precedence over limits that are set around it. */
static void inherit_limits(secsession_location_config_t *merged,
                           const secsession_location_config_t *base)
{
    merged->caps = merged->is_section ? overlay(base->caps, named(merged)) : base->caps;
    if (merged->profile == UNSET) {
        merged->profile = base->profile;
        merged->limits = overlay(base->limits, merged->limits);
        if (merged->remembered.absolute == UNSET) {
            merged->remembered = base->remembered;
            merged->remember_field = base->remember_field;
        }
    }
}

/* httpd merges sections at every request, so this is kept cheap: the section is copied, and then
 * only the fields that it does not set are filled in. */
void *secsession_config_merge_location(apr_pool_t *pool, void *base_data, void *over_data)
{
    const secsession_location_config_t *base = base_data;
    secsession_location_config_t *merged = apr_pmemdup(pool, over_data, sizeof(*merged));

    inherit_limits(merged, base);
    INHERIT_SET(enabled);
    INHERIT_SET(stamp);
    INHERIT(user_file);
    INHERIT(user_query);
    INHERIT_SET(adopt);
    INHERIT_SET(cache_control);
    INHERIT(page);
    INHERIT(login_page);
    INHERIT(login_home);
    INHERIT(logout_home);
    INHERIT(providers);
    INHERIT(clear_site_data);
    INHERIT(forward);
    INHERIT_SET(app_login);
    INHERIT_SET(touch);
    INHERIT(login_when);
    INHERIT(logout_when);
    INHERIT(login_try);
    INHERIT(vault);
    INHERIT(url_ids);
    if (merged->bind == UNSET) {
        merged->bind = base->bind;
        merged->if_moved = base->if_moved;
    }
    if (merged->harden == UNSET) {
        merged->harden = base->harden;
        merged->harden_except = base->harden_except;
    }
    if (merged->guard == UNSET) {
        merged->guard = base->guard;
        merged->guard_allows = base->guard_allows;
    }
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
    return overlay(profile_of(location->profile)->limits, location->limits);
}

secsession_limits_t secsession_config_remembered(const secsession_location_config_t *location)
{
    return location->remembered.absolute != UNSET ? location->remembered
                                                  : profile_of(location->profile)->remembered;
}

secsession_limits_t secsession_config_caps(const secsession_location_config_t *location)
{
    return secsession_config_remembered(location).absolute > 0 ? location->caps : named(location);
}

const char *secsession_config_logout_home(const secsession_location_config_t *location)
{
    return location->logout_home ? location->logout_home : "/";
}

int secsession_config_is_login(const secsession_location_config_t *location)
{
    return location->page && strcmp(location->page, SECSESSION_HANDLER "login") == 0;
}

static secsession_server_config_t *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &secsession_module);
}

/* Fills in the defaults of what is not set. */
static void complete(apr_pool_t *pool, const server_rec *server, secsession_server_config_t *config)
{
    if (config->realm == NULL) {
        char *name = apr_pstrdup(pool,
                                 server->server_hostname ? server->server_hostname : "localhost");

        ap_str_tolower(name);
        config->realm = name;
    }
    if (config->throttle.most == UNSET) {
        config->throttle = DEFAULT_THROTTLE;
    }
    if (config->rotation.interval == UNSET) {
        config->rotation.interval = profile_of(config->profile)->rotate_interval;
    }
    if (config->rotation.grace == 0) {
        config->rotation.grace = ROTATE_GRACE;
    }
    if (config->crowd.most == UNSET) {
        config->crowd.most = 0;
    }
    if (config->cookie.name == NULL) {
        config->cookie.name = "__Host-secsession";
        config->cookie.scope = "; Path=/";
        config->cookie.flags = "; Secure; HttpOnly";
    }
    if (config->cookie.same_site == NULL) {
        config->cookie.same_site = profile_of(config->profile)->same_site;
    }
    config->cookie.attributes = apr_pstrcat(pool, config->cookie.scope, config->cookie.flags,
                                            "; SameSite=", config->cookie.same_site, NULL);
    config->database = merge_database(&DEFAULT_DATABASE, &config->database);
}

static int is_pgsql(const secsession_store_config_t *database)
{
    return database->params && database->driver && strcmp(database->driver, "pgsql") == 0;
}

static int has_database(const server_rec *server, const secsession_store_config_t *database)
{
    if (!is_pgsql(database)) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server,
                     "SS301: SecSession is On in %s:%u, but no PostgreSQL database is configured "
                     "for it: add DBDriver pgsql and DBDParams \"dbname=... user=...\"",
                     SECSESSION_PLACE(server));
        return 0;
    }
    /* It may contain a password, so that the message does not show it. */
    if (!secsession_store_is_connection(database->params)) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server,
                     "SS307: libpq does not understand the DBDParams of %s:%u: write a connection "
                     "string such as host=/var/run/postgresql dbname=sessions user=www-data",
                     SECSESSION_PLACE(server));
        return 0;
    }
    return 1;
}

/* Our own cookie never reaches an application, so that a vault can never hold it: such a pattern
 * is a mistake about which cookie is whose. */
static int is_cookie_apart(const server_rec *server, const secsession_server_config_t *config)
{
    for (int i = 0; config->vaulted && i < config->vaulted->nelts; i++) {
        const char *pattern = APR_ARRAY_IDX(config->vaulted, i, const char *);

        if (strcmp(pattern, config->cookie.name) == 0) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server,
                         "SS308: SecSessionVault names %s, which is the session cookie itself in "
                         "%s:%u: name the cookies of the application there, and no others",
                         pattern, SECSESSION_PLACE(server));
            return 0;
        }
    }
    return 1;
}

/* Where the site has no keys: one that lasts as long as the server, restarts of its children
 * included, and so longer than this module in memory, whose cleanups cannot be called then. What it
 * seals is needed for minutes. NULL if the kernel returns no random bytes. */
static const secsession_keys_t *keys_of_process(apr_pool_t *pool, const server_rec *server)
{
    static const char name[] = "mod_secsession visitors";
    apr_pool_t *lasting = server->process->pool;
    void *key = NULL;

    apr_pool_userdata_get(&key, name, lasting);
    if (key == NULL) {
        key = apr_palloc(lasting, SECSESSION_KEY_BYTES);
        if (apr_generate_random_bytes(key, SECSESSION_KEY_BYTES) != APR_SUCCESS) {
            return NULL;
        }
        apr_pool_userdata_set(key, apr_pstrdup(lasting, name), NULL, lasting);
    }
    return secsession_keys_of(pool, key);
}

/* Keys are good for one realm and one name of the cookie: a token that was told to a browser under
 * another name, which perhaps a sibling domain can set, is none of this one. */
static const secsession_keys_t *derive(apr_pool_t *pool, const secsession_server_config_t *config,
                                       const secsession_keys_t *keys, const char *purpose)
{
    return keys
               ? secsession_keys_derive(pool, keys,
                                        apr_pstrcat(pool, "mod_secsession ", purpose, "\n",
                                                    config->realm, "\n", config->cookie.name, NULL))
               : NULL;
}

static int has_keys(apr_pool_t *pool, const server_rec *server, secsession_server_config_t *config)
{
    const secsession_keys_t *keys = config->database.keys;

    config->token_keys = derive(pool, config, keys, "token");
    config->parcel_keys = derive(pool, config, keys ? keys : keys_of_process(pool, server),
                                 "parcel");
    config->sender_keys = keys ? secsession_keys_derive(pool, keys, "mod_secsession credential")
                               : NULL;
    if ((keys && !(config->token_keys && config->sender_keys)) || config->parcel_keys == NULL) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server,
                     "SS314: no keys can be made or derived for %s:%u: the name of the cookie is "
                     "too long, or libcrypto has no random bytes or no HKDF with SHA-256",
                     SECSESSION_PLACE(server));
        return 0;
    }
    return 1;
}

int secsession_config_check(apr_pool_t *pool, server_rec *first)
{
    for (server_rec *server = first; server; server = server->next) {
        secsession_server_config_t *config = config_of(server);

        if (!config->in_use) {
            continue;
        }
        complete(pool, server, config);
        if (!has_database(server, &config->database) || !is_cookie_apart(server, config)
            || !has_keys(pool, server, config)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}
