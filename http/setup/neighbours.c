/* Looks at all servers of the configuration together. */
#include "http/setup/neighbours.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <string.h>

#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

static secsession_server_config_t *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &secsession_module);
}

static int has_name(const apr_array_header_t *names, const char *name)
{
    for (int i = 0; i < names->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(names, i, const char *), name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A browser may send the cookie of one virtual host to all others: to those of the same name on
 * another port, and with Domain= to those of other names. */
void secsession_neighbours_share(apr_pool_t *pool, server_rec *first)
{
    apr_array_header_t *names = apr_array_make(pool, 1, sizeof(const char *));

    for (server_rec *server = first; server; server = server->next) {
        const secsession_server_config_t *config = config_of(server);

        if (config->in_use && !has_name(names, config->cookie.name)) {
            APR_ARRAY_PUSH(names, const char *) = config->cookie.name;
        }
    }
    for (server_rec *server = first; server; server = server->next) {
        config_of(server)->cookies = names;
    }
}

/* --- the users of a realm -------------------------------------------------------------------- */

/* A place at which users log in. */
typedef struct {
    const server_rec *server;
    const char *users;  /* whom it asks about them */
    const char *path;   /* its section's */
    int is_application; /* the application there has users of its own */
} place_t;

static int is_same_realm(const secsession_server_config_t *one,
                         const secsession_server_config_t *other)
{
    return strcmp(one->realm, other->realm) == 0
           && strcmp(one->database.params, other->database.params) == 0;
}

/* Providers and their sources, for comparison with those of another place. NULL if this section
 * does not say them. */
static const char *users_of(apr_pool_t *pool, const secsession_location_config_t *location)
{
    const char *users = location->providers ? apr_array_pstrcat(pool, location->providers, ' ')
                                            : AUTHN_DEFAULT_PROVIDER;

    if (!location->providers && !location->user_file) {
        return NULL;
    }
    return apr_pstrcat(pool, users, location->user_file ? " " : "",
                       location->user_file ? location->user_file : "",
                       location->user_query ? " " : "",
                       location->user_query ? location->user_query : "", NULL);
}

static int begins_with(const char *path, const char *start)
{
    return strncmp(path, start, strlen(start)) == 0;
}

/* Sections one below the other are of one application. */
static int has_same_users(const place_t *one, const place_t *other)
{
    return one->is_application && other->is_application
               ? begins_with(one->path, other->path) || begins_with(other->path, one->path)
               : strcmp(one->users, other->users) == 0;
}

static int check_place(apr_pool_t *pool, apr_array_header_t *places, const place_t *place)
{
    const secsession_server_config_t *config = config_of(place->server);

    for (int i = 0; i < places->nelts; i++) {
        const place_t *other = &APR_ARRAY_IDX(places, i, place_t);
        const secsession_server_config_t *other_config = config_of(other->server);

        if (!is_same_realm(config, other_config) || has_same_users(place, other)) {
            continue;
        }
        if (place->server != other->server && !place->is_application && !other->is_application
            && (!config->is_realm_chosen || !other_config->is_realm_chosen)) {
            ap_log_error(
                APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, place->server,
                "SS309: the login places %s of %s:%u and %s of %s:%u have different users (%s and "
                "%s), and share the realm %s, although SecSessionRealm does not say so in "
                "both: write SecSessionRealm with a name of its own into one of them; or "
                "the same into both, if users of the same name are the same people",
                other->path, SECSESSION_PLACE(other->server), place->path,
                SECSESSION_PLACE(place->server), other->users, place->users, config->realm);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        ap_log_error(
            APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, place->server,
            "SS310: the login places %s of %s:%u and %s of %s:%u have different users (%s and %s) "
            "in the realm %s: a user of one is everywhere the user of that name of the other; if "
            "these are not the same people, give them virtual hosts with a "
            "SecSessionRealm each",
            other->path, SECSESSION_PLACE(other->server), place->path,
            SECSESSION_PLACE(place->server), other->users, place->users, config->realm);
        break;
    }
    APR_ARRAY_PUSH(places, place_t) = *place;
    return OK;
}

/* Whether users log in at a section: by our form, or because another AuthType there is adopted. */
static int is_login_place(const server_rec *server, const secsession_location_config_t *location)
{
    const secsession_location_config_t *defaults = ap_get_module_config(server->lookup_defaults,
                                                                        &secsession_module);

    if (secsession_config_is_login(location)) {
        return 1;
    }
    return location->user_file && location->page == NULL
           && (location->adopt == 1 || (location->adopt != 0 && defaults->adopt == 1));
}

static int is_application(const secsession_location_config_t *location)
{
    return location->app_login == 1 || (location->login_when && location->login_when->expression);
}

/* The place that a section is; without users it is none. */
static place_t place_of(apr_pool_t *pool, const server_rec *server, const ap_conf_vector_t *section)
{
    const secsession_location_config_t *location = ap_get_module_config(section,
                                                                        &secsession_module);
    const core_dir_config *core = ap_get_core_module_config(section);
    place_t place = { .server = server, .path = core->d };

    if (location && is_login_place(server, location)) {
        place.users = users_of(pool, location);
    } else if (location && is_application(location)) {
        place.users = "those of its application";
        place.is_application = 1;
    }
    return place;
}

/* Virtual hosts begin with the sections of the main server, of which the first `skipped` have been
 * looked at. */
static int check_sections(apr_pool_t *pool, apr_array_header_t *places, const server_rec *server,
                          const apr_array_header_t *sections, int skipped)
{
    int status = OK;

    for (int i = skipped; i < sections->nelts && status == OK; i++) {
        const place_t place = place_of(pool, server,
                                       APR_ARRAY_IDX(sections, i, const ap_conf_vector_t *));

        status = place.users ? check_place(pool, places, &place) : OK;
    }
    return status;
}

static int is_default_port(const server_rec *server)
{
    int port = server->addrs ? server->addrs->host_port : 0;

    return port == 80 || port == 443;
}

/* The http and the https of one site may share their sessions. */
static void warn_of_shared_realm(const server_rec *first, const server_rec *server)
{
    const secsession_server_config_t *config = config_of(server);

    for (const server_rec *other = first->next; other && other != server; other = other->next) {
        const secsession_server_config_t *other_config = config_of(other);

        if (other_config->in_use && !other_config->is_realm_chosen && !config->is_realm_chosen
            && is_same_realm(config, other_config)
            && !(is_default_port(server) && is_default_port(other))) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, server,
                         "SS311: the virtual hosts of %s:%u and %s:%u share the realm %s and its "
                         "sessions, although SecSessionRealm does not say so: if that is meant, "
                         "write SecSessionRealm %s into both, else a name of its own into each",
                         SECSESSION_PLACE(other), SECSESSION_PLACE(server), config->realm,
                         config->realm);
            return;
        }
    }
}

/* Whether browsers send the cookie of one server to the other, too, because it has a Domain. */
static int reaches(const server_rec *server, const server_rec *other)
{
    const char *domain = strstr(config_of(server)->cookie.scope, "; Domain=");
    const char *host = other->server_hostname;
    apr_size_t length, rest;

    if (domain == NULL || host == NULL) {
        return 0;
    }
    domain += strlen("; Domain=");
    domain += *domain == '.';
    length = strlen(host);
    rest = strlen(domain);
    return length >= rest && strcasecmp(host + length - rest, domain) == 0
           && (length == rest || host[length - rest - 1] == '.');
}

/* A login at one of two realms takes the cookie of the other away. */
static void warn_of_shared_cookie(const server_rec *first, const server_rec *server)
{
    const secsession_server_config_t *config = config_of(server);
    const char *name = config->cookie.name;

    for (const server_rec *other = first; other && other != server; other = other->next) {
        const secsession_server_config_t *other_config = config_of(other);

        if (other_config->in_use && strcmp(name, other_config->cookie.name) == 0
            && !is_same_realm(config, other_config)
            && (reaches(server, other) || reaches(other, server))) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, server,
                         "SS325: browsers send the cookie %s of %s:%u and %s:%u to both, because "
                         "of its Domain, but their realms are %s and %s, so that whoever logs in "
                         "at one is logged out at the other: write the same SecSessionRealm into "
                         "both if their sessions are meant to be the same, else SecSessionCookie "
                         "with another name into one",
                         name, SECSESSION_PLACE(other), SECSESSION_PLACE(server),
                         other_config->realm, config->realm);
            return;
        }
    }
}

int secsession_neighbours_check(apr_pool_t *pool, server_rec *first)
{
    const core_server_config *main_core = ap_get_core_module_config(first->module_config);
    apr_array_header_t *places = apr_array_make(pool, 4, sizeof(place_t));
    int status = OK;

    for (server_rec *server = first; server && status == OK; server = server->next) {
        const core_server_config *core = ap_get_core_module_config(server->module_config);
        int is_seen = server != first && config_of(first)->in_use;

        if (!config_of(server)->in_use) {
            continue;
        }
        status = check_sections(pool, places, server, core->sec_url,
                                is_seen ? main_core->sec_url->nelts : 0);
        if (status == OK) {
            status = check_sections(pool, places, server, core->sec_dir,
                                    is_seen ? main_core->sec_dir->nelts : 0);
        }
        if (status == OK && server != first) {
            warn_of_shared_realm(first, server);
            warn_of_shared_cookie(first, server);
        }
    }
    return status;
}
