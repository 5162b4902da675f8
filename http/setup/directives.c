/* The table of directives: their names, the contexts in which they are allowed, and the functions
 * that store their values, of which those about applications are in directives_app.c. Their
 * arguments are parsed in arguments*.c. */
#include <ap_provider.h>
#include <apr_strings.h>

#include "http/setup/arguments.h"
#include "http/setup/config.h"
#include "http/setup/directives_app.h"

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
    server->is_realm_chosen = 1;
    return secsession_argument_realm(cmd, argument);
}

static const char *set_cookie(cmd_parms *cmd, void *location, int argc, char *const argv[])
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);

    return secsession_argument_cookie(cmd, argc, argv, &server->cookie);
}

static const char *set_profile(cmd_parms *cmd, void *data, const char *argument)
{
    secsession_location_config_t *location = data;
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);
    const char *error = secsession_argument_profile(cmd, argument, &location->profile);

    if (!location->is_section) {
        server->profile = location->profile;
    }
    return error;
}

static const char *set_remember(cmd_parms *cmd, void *data, int argc, char *const argv[])
{
    secsession_location_config_t *location = data;

    return secsession_argument_remember(cmd, argc, argv, &location->remembered,
                                        &location->remember_field);
}

static const char *set_bind(cmd_parms *cmd, void *data, const char *what, const char *then)
{
    secsession_location_config_t *location = data;

    return secsession_argument_bind(cmd, what, then, &location->bind, &location->if_moved);
}

static const char *set_throttle(cmd_parms *cmd, void *location, const char *most,
                                const char *within)
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);

    return secsession_argument_throttle(cmd, most, within, &server->throttle);
}

/* What mod_authn_socache has cached it believes, and a .htaccess file with users of its own can
 * have it cache them. */
static const char *set_providers(cmd_parms *cmd, void *location, int argc, char *const argv[])
{
    apr_array_header_t *providers = apr_array_make(cmd->pool, argc, sizeof(const char *));

    if (argc == 0) {
        return "SecSessionAuthProvider requires at least one provider, for example: file";
    }
    for (int i = 0; i < argc; i++) {
        const authn_provider *provider = ap_lookup_provider(AUTHN_PROVIDER_GROUP, argv[i],
                                                            AUTHN_PROVIDER_VERSION);

        if (strcmp(argv[i], "socache") == 0) {
            return "SecSessionAuthProvider: 'socache' cannot be asked, because a .htaccess file "
                   "can put a password for anybody into its cache: name only other providers";
        }
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

/* Where the value of the directive is stored: cmd->info is the offset of the field in the
 * configuration of the server. */
static void *place_of(cmd_parms *cmd)
{
    char *server = ap_get_module_config(cmd->server->module_config, &secsession_module);

    return server + (apr_size_t)cmd->info;
}

static const char *set_interval(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_interval(cmd, argument, place_of(cmd));
}

static const char *set_server_duration(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_duration(cmd, argument, place_of(cmd));
}

static const char *set_crowd(cmd_parms *cmd, void *location, const char *most, const char *then)
{
    return secsession_argument_crowd(cmd, most, then, place_of(cmd));
}

static const char *set_names(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_names(cmd, argument, place_of(cmd));
}

static void add_source(cmd_parms *cmd, const char *provider, const char *where)
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);
    apr_array_header_t *one = apr_array_make(cmd->pool, 1, sizeof(secsession_source_t));
    const secsession_source_t source = { provider, where };

    APR_ARRAY_PUSH(one, secsession_source_t) = source;
    server->sources = server->sources ? apr_array_append(cmd->pool, server->sources, one) : one;
}

/* SetHandler belongs to httpd itself and is read here, too. In .htaccess files it does not count:
 * who writes an application is not who says where users log in. */
static const char *set_handler(cmd_parms *cmd, void *location, const char *argument)
{
    if (ap_check_cmd_context(cmd, NOT_IN_HTACCESS) == NULL) {
        ((secsession_location_config_t *)location)->page =
            strncmp(argument, SECSESSION_HANDLER, sizeof(SECSESSION_HANDLER) - 1) == 0 ? argument
                                                                                       : "";
    }
    return NULL;
}

/* AuthUserFile belongs to mod_authn_file and is read here, too, as httpd passes a directive to
 * every module that declares it. It is ignored in .htaccess files: these are read for one request,
 * and a later request elsewhere could not find the record there. */
static const char *set_user_file(cmd_parms *cmd, void *location, const char *argument)
{
    const char *path = ap_server_root_relative(cmd->pool, argument);

    if (path && ap_check_cmd_context(cmd, NOT_IN_HTACCESS) == NULL) {
        ((secsession_location_config_t *)location)->user_file = path;
        add_source(cmd, "file", path);
    }
    return NULL;
}

static const char *set_user_query(cmd_parms *cmd, void *location, const char *argument)
{
    ((secsession_location_config_t *)location)->user_query = argument;
    add_source(cmd, "dbd", argument);
    return NULL;
}

static const char *set_server_text(cmd_parms *cmd, void *location, const char *argument)
{
    *(const char **)place_of(cmd) = argument;
    return NULL;
}

/* DBDMax belongs to mod_dbd, as DBDriver and DBDParams do; they are read here, too. */
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

static const char *set_log(cmd_parms *cmd, void *location, const char *argument)
{
    *(const char **)place_of(cmd) = argument;
    return secsession_argument_log(cmd, argument);
}

static const char *set_keys(cmd_parms *cmd, void *location, const char *argument)
{
    return secsession_argument_keys(cmd, argument, place_of(cmd));
}

const command_rec secsession_directives[] = {
    AP_INIT_FLAG("SecSession", set_enabled, NULL, EVERYWHERE,
                 "On or Off: whether requests here have sessions; default: Off"),
    AP_INIT_TAKE1(
        "SecSessionProfile", set_profile, NULL, EVERYWHERE,
        "sensitive, standard or remember: the defaults of timeouts, rotation, SameSite and "
        "SecSessionRemember; default: standard"),
    AP_INIT_TAKE1("SecSessionRealm", set_realm, NULL, RSRC_CONF,
                  "the name of the realm; virtual hosts with the same realm share their sessions; "
                  "default: the ServerName"),
    AP_INIT_TAKE_ARGV("SecSessionCookie", set_cookie, NULL, RSRC_CONF,
                      "the name and the attributes of the session cookie: name "
                      "[SameSite=Strict|Lax|None] [Path=/path] [Domain=host] [Insecure]; default: "
                      "__Host-secsession SameSite=Lax"),
    AP_INIT_TAKE1("SecSessionIdleTimeout", set_duration, LOCATION(limits.idle), EVERYWHERE,
                  "how long a session may go unused before it ends; default: 30m, or by profile"),
    AP_INIT_TAKE1("SecSessionAbsoluteTimeout", set_duration, LOCATION(limits.absolute), EVERYWHERE,
                  "how long a session lasts after the login; default: 8h, or by profile"),
    AP_INIT_TAKE_ARGV(
        "SecSessionRemember", set_remember, NULL, EVERYWHERE,
        "off, or the absolute timeout and optionally the idle timeout of the sessions of users who "
        "stay signed in, and field= and a field of an application's form; default: off, or by "
        "profile"),
    AP_INIT_TAKE1("SecSessionRotateInterval", set_interval, SERVER(rotation.interval), RSRC_CONF,
                  "after how long a session is given its next token, or off; default: 15m, or by "
                  "profile"),
    AP_INIT_TAKE1("SecSessionRotateGrace", set_server_duration, SERVER(rotation.grace), RSRC_CONF,
                  "how long a token is still accepted after the next one is in use; default: 10s"),
    AP_INIT_TAKE12(
        "SecSessionMaxPerUser", set_crowd, SERVER(crowd), RSRC_CONF,
        "how many sessions a user may have (0: any number), optionally followed by oldest "
        "(the oldest session ends) or refuse (the new login is refused); default: 0"),
    AP_INIT_TAKE1(
        "SecSessionUserNames", set_names, SERVER(lowercase), RSRC_CONF,
        "exact, or lowercase: names that differ only in upper and lower case are one user; "
        "default: exact"),
    AP_INIT_TAKE12(
        "SecSessionBind", set_bind, NULL, EVERYWHERE,
        "none, subnet or address: the part of the client's address that a session is "
        "bound to, optionally followed by what happens when that changes: log, reauth or "
        "end; default: none"),
    AP_INIT_FLAG("SecSessionTouch", ap_set_flag_slot, LOCATION(touch), EVERYWHERE,
                 "Off: requests here, such as polling, do not keep the session alive; default: On"),
    AP_INIT_TAKE_ARGV("SecSessionAuthProvider", set_providers, NULL, EVERYWHERE,
                      "the authentication providers that check the passwords of the login form; "
                      "default: file"),
    AP_INIT_FLAG("SecSessionCredentialStamp", ap_set_flag_slot, LOCATION(stamp), EVERYWHERE,
                 "On: a session ends when the password with which the user logged in changes; "
                 "default: Off"),
    AP_INIT_TAKE1("SetHandler", set_handler, NULL, OR_FILEINFO, "see core"),
    AP_INIT_TAKE1("AuthUserFile", set_user_file, NULL, OR_AUTHCFG, "see mod_authn_file"),
    AP_INIT_TAKE1("AuthDBDUserPWQuery", set_user_query, NULL, ACCESS_CONF, "see mod_authn_dbd"),
    AP_INIT_TAKE12(
        "SecSessionLoginThrottle", set_throttle, NULL, RSRC_CONF,
        "Off, or how many attempts to log in as one user from one address lead to a pause, "
        "and the time between two attempts below which they count; default: 5 5m"),
    AP_INIT_FLAG("SecSessionAdopt", ap_set_flag_slot, LOCATION(adopt), EVERYWHERE,
                 "On: users whom another AuthType has authenticated get a session; default: Off"),
    AP_INIT_TAKE1("SecSessionLoginPage", set_path, LOCATION(login_page), EVERYWHERE,
                  "the path of the login page, to which browsers without a session are redirected"),
    AP_INIT_TAKE1("SecSessionLoginHome", set_path, LOCATION(login_home), EVERYWHERE,
                  "the path to go to after a login that was not asked for by another page; "
                  "default: /"),
    AP_INIT_TAKE1("SecSessionLogoutHome", set_path, LOCATION(logout_home), EVERYWHERE,
                  "the path to go to after a logout; default: /"),
    AP_INIT_FLAG(
        "SecSessionCacheControl", ap_set_flag_slot, LOCATION(cache_control), EVERYWHERE,
        "Off: responses keep their own Cache-Control, also for shared caches; default: On"),
    AP_INIT_TAKE_ARGV("SecSessionClearSiteData", set_clear_site_data, NULL, EVERYWHERE,
                      "what the browser clears at a logout: any of cache, cookies, storage and "
                      "executionContexts, or none; default: cache storage"),
    AP_INIT_TAKE_ARGV(
        "SecSessionHarden", secsession_directive_harden, NULL, EVERYWHERE,
        "what is corrected in the requests and responses of applications: On, Off, or "
        "any of cookies, urls[=strip|=refuse], referrer, except=COOKIE,...; default: Off"),
    AP_INIT_TAKE_ARGV("SecSessionUrlIds", secsession_directive_url_ids, NULL, EVERYWHERE,
                      "the names of session ids in the URLs of applications; default: PHPSESSID "
                      "jsessionid ASP.NET_SessionId CFID CFTOKEN CGISESSID"),
    AP_INIT_FLAG("SecSessionCache", set_cached, SERVER(database.is_cached), RSRC_CONF,
                 "Off: every request with a session queries the database; default: On"),
    AP_INIT_TAKE1("SecSessionCacheSlots", set_slots, SERVER(database.slots), RSRC_CONF,
                  "how many sessions are cached in shared memory, 320 bytes each; default: 65536"),
    AP_INIT_TAKE1("SecSessionLease", set_lease, SERVER(database.lease_ms), RSRC_CONF,
                  "the longest time after which a revocation takes effect; default: 1s"),
    AP_INIT_TAKE1("SecSessionStale", set_stale, SERVER(database.stale_ms), RSRC_CONF,
                  "how much longer cached sessions are served while the database is unreachable; "
                  "default: 0"),
    AP_INIT_TAKE1("SecSessionFeed", set_feed, SERVER(database.feed), RSRC_CONF,
                  "a connection string that leads to PostgreSQL itself, to listen on, if DBDParams "
                  "names a connection pooler; default: the connection of DBDParams"),
    AP_INIT_TAKE1("SecSessionLog", set_log, SERVER(log), RSRC_CONF,
                  "a file, or | and a program, to which events are written as lines of JSON"),
    AP_INIT_TAKE1("DBDriver", set_server_text, SERVER(database.driver), RSRC_CONF, "see mod_dbd"),
    AP_INIT_TAKE1("DBDParams", set_server_text, SERVER(database.params), RSRC_CONF, "see mod_dbd"),
    AP_INIT_TAKE1("SecSessionKeys", set_keys, SERVER(database.keys), RSRC_CONF,
                  "a file with the keys that only httpd has: nobody else can make a session, or "
                  "read the vaults"),
    AP_INIT_TAKE1("DBDMax", set_dbd_max, SERVER(database.max), RSRC_CONF,
                  "see mod_dbd; default: 10"),
    AP_INIT_TAKE1("SecSessionForward", secsession_directive_forward, NULL, EVERYWHERE,
                  "the name of the request header that tells an application the user, or none; "
                  "default: none"),
    AP_INIT_TAKE_ARGV("SecSessionGuard", secsession_directive_guard, NULL, EVERYWHERE,
                      "On: requests by which another origin might change something are refused, "
                      "except from the origins that are listed after it; or Off; default: On"),
    AP_INIT_FLAG("SecSessionAppLogin", ap_set_flag_slot, LOCATION(app_login), EVERYWHERE,
                 "On: the application may log users in and out by the response headers "
                 "SecSession-Login, SecSession-Logout and SecSession-Revoke; default: Off"),
    AP_INIT_TAKE12("SecSessionLoginWhen", secsession_directive_when, LOCATION(login_when),
                   EVERYWHERE,
                   "an expression that recognises a login by the response, optionally followed by "
                   "field=NAME, the form field with the user name, user=$1, what the expression "
                   "matched, user=try, the name of SecSessionLoginTry, or user=NAME, always the "
                   "same; or none; default: none"),
    AP_INIT_TAKE12("SecSessionLoginTry", secsession_directive_try, LOCATION(login_try), EVERYWHERE,
                   "an expression that recognises by the response that the application has taken "
                   "a name and asks for more, optionally followed by field=NAME, the form field "
                   "with the user name; or none; default: none"),
    AP_INIT_TAKE12("SecSessionLogoutWhen", secsession_directive_logout_when, LOCATION(logout_when),
                   EVERYWHERE,
                   "an expression that recognises a logout by the response, optionally followed by "
                   "home: the browser is sent to SecSessionLogoutHome; or none; default: none"),
    AP_INIT_TAKE_ARGV(
        "SecSessionVault", secsession_directive_vault, NULL, EVERYWHERE,
        "httponly: the application's cookies with HttpOnly are kept on the server instead of in "
        "the browser; and shell patterns for the names of others; or none; default: none"),
    { NULL, { NULL }, NULL, 0, RAW_ARGS, NULL }
};
