/* The directives: what they may say, their defaults, how they merge. */
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

/* Our cookie, as SecSessionCookie describes it. */
typedef struct {
    const char *name;
    const char *scope;      /* "; Path=/; Secure; HttpOnly" */
    const char *same_site;  /* NULL: as the profile has it */
    const char *attributes; /* both, once the configuration is complete */
} secsession_cookie_t;

/* SecSessionProfile. */
typedef enum {
    SECSESSION_PROFILE_STANDARD,
    SECSESSION_PROFILE_SENSITIVE,
    SECSESSION_PROFILE_REMEMBER
} secsession_profile_t;

/* SecSessionBind: what of the client's address must stay the same, and what to do if it does
 * not. */
typedef enum {
    SECSESSION_BIND_NONE,
    SECSESSION_BIND_SUBNET,
    SECSESSION_BIND_ADDRESS
} secsession_bind_t;

/* The parts of SecSessionHarden. */
enum {
    SECSESSION_HARDEN_COOKIES = 1,
    SECSESSION_HARDEN_STRIP = 2,  /* session ids are taken out of URLs */
    SECSESSION_HARDEN_REFUSE = 4, /* the same, but a request with one is answered with 403 */
    SECSESSION_HARDEN_REFERRER = 8
};

/* Where an authentication provider has the records of its users. */
typedef struct {
    const char *provider; /* "file" or "dbd" */
    const char *where;    /* the path of a file, or the query */
} secsession_source_t;

/* How many passwords may be tried. */
typedef struct {
    int most;   /* by a user from an address; 0: any number */
    int within; /* seconds from one to the next */
} secsession_throttle_t;

/* One server or virtual host. */
typedef struct {
    int in_use; /* SecSession is On somewhere in it */
    const char *realm;
    secsession_cookie_t cookie;
    const apr_array_header_t *forwarded; /* names of all SecSessionForward in it; NULL: none */
    const apr_array_header_t *sources;   /* of records (secsession_source_t); NULL: none */
    secsession_throttle_t throttle;      /* most -1: not said */
    int profile;                         /* a secsession_profile_t; -1: not said */
    secsession_rotation_t rotation;      /* interval -1: not said; grace 0: not said */
    secsession_crowd_t crowd;            /* most -1: not said */
    const char *log;                     /* SecSessionLog; NULL: none */
    secsession_store_config_t database;  /* DBDriver, DBDParams, DBDMax are mod_dbd's, read along */
    secsession_store_t *store;           /* where in_use, after post_config */
} secsession_server_config_t;

/* How a response is recognised that logs somebody in or out. */
typedef struct {
    const ap_expr_info_t *expression; /* NULL: none is */
    const char *field;                /* of the request's form: the user's name */
    int group; /* of the last match: the user's name; 0: it is in the field */
} secsession_when_t;

/* One location. */
typedef struct {
    int enabled;                    /* -1: not said */
    int is_section;                 /* said in a <Location> or the like, not for a whole server */
    int profile;                    /* a secsession_profile_t; -1: not said */
    secsession_limits_t limits;     /* 0: not said */
    secsession_limits_t caps;       /* of them, those that sections have said */
    secsession_limits_t remembered; /* of a session that stays signed in; absolute 0: there are
                                     * none; -1: not said */
    int bind;                       /* a secsession_bind_t; -1: not said */
    const char *if_moved;           /* "log", "reauth" or "end" */
    int stamp;                      /* -1: not said */
    const char *user_file;          /* AuthUserFile and AuthDBDUserPWQuery; NULL: not said */
    const char *user_query;
    int adopt; /* -1: not said */
    const char *login_page;
    const char *login_home;
    const char *logout_home;
    const apr_array_header_t *providers;    /* names (const char *); NULL: not said */
    int cache_control;                      /* -1: not said */
    const char *clear_site_data;            /* the header's value; "": none */
    int touch;                              /* -1: not said; 0: requests are no use of a session */
    int guard;                              /* -1: not said */
    const apr_array_header_t *guard_allows; /* origins (const char *), where guard was said */
    const char *forward;                    /* NULL: not said; "": none */
    int app_login;                          /* -1: not said */
    const secsession_when_t *login_when;    /* NULL: not said, like the next two */
    const secsession_when_t *logout_when;
    const apr_array_header_t *vault; /* patterns (const char *) */
    int harden;                      /* parts of SecSessionHarden; -1: not said */
    const char *const *url_ids;      /* names, the last is NULL; NULL: not said */
} secsession_location_config_t;

void *secsession_config_create_server(apr_pool_t *pool, server_rec *server);
void *secsession_config_merge_server(apr_pool_t *pool, void *base, void *over);
void *secsession_config_create_location(apr_pool_t *pool, char *path);
void *secsession_config_merge_location(apr_pool_t *pool, void *base, void *over);

const secsession_server_config_t *secsession_config_server(const request_rec *r);
const secsession_location_config_t *secsession_config_location(const request_rec *r);

/* The limits of a session that begins here: as said, else those of the profile. */
secsession_limits_t secsession_config_limits(const secsession_location_config_t *location);

/* The same of a session that stays signed in; absolute 0: users are not offered that here. */
secsession_limits_t secsession_config_remembered(const secsession_location_config_t *location);

/* To what this location shortens sessions, wherever they began; 0: it does not. Where users can
 * stay signed in, the limits of a whole server are only those of who does not. */
secsession_limits_t secsession_config_caps(const secsession_location_config_t *location);

/* Checks what only the whole configuration can show: OK, or an error that stops httpd. */
int secsession_config_check(apr_pool_t *pool, server_rec *server);

/* Fills in what was not said for a server. */
void secsession_config_complete(apr_pool_t *pool, const server_rec *server);

#endif
