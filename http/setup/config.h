/* The configuration: what the directives set, their defaults, and how sections are merged. */
#ifndef SECSESSION_CONFIG_H
#define SECSESSION_CONFIG_H

#include <ap_expr.h>
#include <httpd.h>
#include <http_config.h>
#include <mod_auth.h>

#include "session/session.h"
#include "store/store.h"

extern module AP_MODULE_DECLARE_DATA secsession_module __attribute__((visibility("default")));
extern const command_rec secsession_directives[];

/* What the names of our handlers begin with. */
#define SECSESSION_HANDLER "secsession-"

/* Our cookie, as SecSessionCookie describes it. */
typedef struct {
    const char *name;
    const char *scope;      /* "; Path=/" */
    const char *flags;      /* "; Secure; HttpOnly" */
    const char *same_site;  /* NULL: not set, until the configuration is complete */
    const char *attributes; /* all of these, once it is */
} secsession_cookie_t;

/* The profiles of SecSessionProfile. */
typedef enum {
    SECSESSION_PROFILE_STANDARD,
    SECSESSION_PROFILE_SENSITIVE,
    SECSESSION_PROFILE_REMEMBER
} secsession_profile_t;

/* SecSessionBind: the part of the client's address that must stay the same. */
typedef enum {
    SECSESSION_BIND_NONE,
    SECSESSION_BIND_SUBNET,
    SECSESSION_BIND_ADDRESS
} secsession_bind_t;

/* The parts of SecSessionHarden. */
enum {
    SECSESSION_HARDEN_COOKIES = 1,
    SECSESSION_HARDEN_STRIP = 2,  /* session ids are removed from URLs */
    SECSESSION_HARDEN_REFUSE = 4, /* the same, and requests with one are answered with 403 */
    SECSESSION_HARDEN_REFERRER = 8
};

/* Where an authentication provider keeps the records of its users. */
typedef struct {
    const char *provider; /* "file" or "dbd" */
    const char *where;    /* the path of the file, or the SQL query */
} secsession_source_t;

/* SecSessionLoginThrottle: how many attempts to log in may follow each other. */
typedef struct {
    int most;   /* attempts of one user from one address before a pause; 0: no limit */
    int within; /* an attempt counts if it comes less than this after the one before, in seconds */
} secsession_throttle_t;

/* The configuration of a server or virtual host. */
typedef struct {
    int in_use; /* SecSession is On for some part of it */
    const char *realm;
    int is_realm_chosen; /* SecSessionRealm says it; else it is the ServerName */
    secsession_cookie_t cookie;
    const apr_array_header_t *cookies;   /* the names of the cookies of all servers of this httpd */
    const apr_array_header_t *forwarded; /* all names that SecSessionForward gives; NULL: none */
    const apr_array_header_t *vaulted;   /* all patterns of SecSessionVault; NULL: none */
    const apr_array_header_t *sources;   /* of user records (secsession_source_t); NULL: none */
    secsession_throttle_t throttle;      /* most -1: not set */
    int profile;                         /* a secsession_profile_t; -1: not set */
    secsession_rotation_t rotation;      /* interval -1: not set; grace 0: not set */
    secsession_crowd_t crowd;            /* most -1: not set */
    int lowercase;                       /* names of users are in lower case; -1: not set */
    const char *log;                     /* SecSessionLog; NULL: no log */
    const secsession_keys_t *token_keys; /* after check_config: for its tokens' tags; or NULL */
    const secsession_keys_t *parcel_keys; /* for the first cookies of visitors */
    const secsession_keys_t *sender_keys; /* for clients that send their credentials; or NULL */
    secsession_store_config_t database;   /* includes mod_dbd's DBDriver, DBDParams and DBDMax */
    secsession_store_t *store;            /* after post_config; NULL unless in_use */
} secsession_server_config_t;

/* How a response that logs a user in or out is recognised, and where the user name is. */
typedef struct {
    const ap_expr_info_t *expression; /* NULL: no response is */
    const char *field;                /* in this field of the request's form; NULL: elsewhere */
    int group;                        /* in this group of the last match; 0: elsewhere */
    const char *user;                 /* it is always this one; NULL: it is not */
    int is_tried;                     /* it is the one that SecSessionLoginTry has remembered */
    int is_answered_by_us;            /* a logout: as our own logout page answers */
} secsession_when_t;

/* What SecSessionVault says. */
typedef struct {
    const apr_array_header_t *patterns; /* of cookie names (const char *) */
    int is_by_property;                 /* and every cookie with HttpOnly */
} secsession_vault_t;

/* The configuration of a location. */
typedef struct {
    int enabled;                    /* -1: not set */
    int is_section;                 /* it belongs to a <Location> or the like, not to a server */
    int profile;                    /* a secsession_profile_t; -1: not set */
    secsession_limits_t limits;     /* 0: not set */
    secsession_limits_t caps;       /* those of the limits that sections have set */
    secsession_limits_t remembered; /* for sessions that stay signed in; absolute 0: there are
                                     * none; -1: not set */
    const char *remember_field;     /* of an application's form; NULL: not set */
    int bind;                       /* a secsession_bind_t; -1: not set */
    const char *if_moved;           /* "log", "reauth" or "end" */
    int stamp;                      /* -1: not set */
    const char *user_file;          /* AuthUserFile and AuthDBDUserPWQuery; NULL: not set */
    const char *user_query;
    int adopt; /* -1: not set */
    const char
        *page; /* the handler of ours that SetHandler names; "": another one; NULL: not set */
    const char *login_page;
    const char *login_home;
    const char *logout_home;
    const apr_array_header_t *providers;    /* names (const char *); NULL: not set */
    int cache_control;                      /* -1: not set */
    const char *clear_site_data;            /* the header's value; "": none; NULL: not set */
    int touch;                              /* -1: not set; 0: requests do not extend the session */
    int guard;                              /* -1: not set */
    const apr_array_header_t *guard_allows; /* origins (const char *), if guard is set */
    const char *forward;                    /* the header's name; "": none; NULL: not set */
    int app_login;                          /* -1: not set */
    const secsession_when_t *login_when;    /* NULL: not set; the same for the next three */
    const secsession_when_t *logout_when;
    const secsession_when_t *login_try;
    const secsession_vault_t *vault;
    int harden;                              /* the parts of SecSessionHarden; -1: not set */
    const apr_array_header_t *harden_except; /* patterns (const char *) of cookies that scripts may
                                              * read; NULL: not set */
    const char *const *url_ids;              /* names, the last one is NULL; NULL: not set */
} secsession_location_config_t;

/* The functions of the module record that create and merge configurations. */
void *secsession_config_create_server(apr_pool_t *pool, server_rec *server);
void *secsession_config_merge_server(apr_pool_t *pool, void *base, void *over);
void *secsession_config_create_location(apr_pool_t *pool, char *path);
void *secsession_config_merge_location(apr_pool_t *pool, void *base, void *over);

/* The configuration of a request's server, and of its location. */
const secsession_server_config_t *secsession_config_server(const request_rec *r);
const secsession_location_config_t *secsession_config_location(const request_rec *r);

/* The limits of a session that begins at this location, in seconds: those that are set, else those
 * of the profile. */
secsession_limits_t secsession_config_limits(const secsession_location_config_t *location);

/* The same for a session that stays signed in; absolute 0: users cannot stay signed in here. */
secsession_limits_t secsession_config_remembered(const secsession_location_config_t *location);

/* The limits to which this location shortens sessions, wherever they began, in seconds; 0: it does
 * not. Where users can stay signed in, only limits that sections set shorten a session; those of
 * the server apply to new sessions of users who do not stay signed in. */
secsession_limits_t secsession_config_caps(const secsession_location_config_t *location);

/* Where a browser is sent after a logout. */
const char *secsession_config_logout_home(const secsession_location_config_t *location);

/* Whether the handler of this location is our login page. */
int secsession_config_is_login(const secsession_location_config_t *location);

/* check_config: fills in the defaults of what is not set for each server in use, from `pool`, and
 * checks what depends on its whole configuration. Returns OK, or an error that stops httpd (and
 * httpd -t) and has been logged. */
int secsession_config_check(apr_pool_t *pool, server_rec *first);

/* Where a server is configured, as two arguments for "%s:%u" in a message. */
#define SECSESSION_PLACE(server)                                                                   \
    (server)->defn_name ? (server)->defn_name : "the main server", (server)->defn_line_number

#endif
