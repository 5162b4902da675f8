/* The store of sessions: all that http/ may ask of it. One store for each database that the
 * configuration names; it lives as long as the server and may be used by every thread at once. With
 * a cache, what the database has said is believed until the feed says otherwise, or the lease ends.
 *
 * Every call answers with an outcome. SECSESSION_UNAVAILABLE always means that nothing is known,
 * never that there is no session (I4); it has been logged, and comes within two seconds. Results
 * live in the pool that the caller gives.
 */
#ifndef SECSESSION_STORE_H
#define SECSESSION_STORE_H

#include <apr_time.h>
#include <httpd.h>

#include "session/client.h"
#include "session/credential.h"
#include "session/jar.h"
#include "session/keys.h"
#include "session/session.h"
#include "session/token.h"
#include "store/sink.h"

typedef struct secsession_store_t secsession_store_t;

/* A session of which something is under way. */
typedef struct secsession_vigil_t secsession_vigil_t;

typedef struct {
    const char *driver; /* APR DBD's */
    const char *params; /* a libpq connection string */
    int max;            /* connections of a process */
    int is_cached;      /* else the next five do not count */
    int slots;          /* sessions in the cache */
    int lease_ms;       /* how late a revocation may be obeyed, milliseconds */
    int stale_ms;       /* how long the cache is believed after the lease without a database */
    const char *feed;   /* another connection string, to listen on; NULL: params */
    int has_vaults;     /* vaults are remembered beside the cache */
    const secsession_keys_t *keys; /* of the site, see SecSessionKeys; or NULL */
    const secsession_sink_t *sink; /* whom events are told, or NULL */
} secsession_store_config_t;

/* How many sessions a user may have in a realm. */
typedef struct {
    int most;              /* 0: any number */
    int is_newest_refused; /* else the oldest ends */
} secsession_crowd_t;

/* A login whose password has been found right; or, without a user, the beginning of an anonymous
 * session. */
typedef struct {
    secsession_hash_t token;               /* of the new token, which nobody has yet */
    const secsession_hash_t *replaces;     /* the token that the browser presented, or NULL */
    const secsession_session_t *continues; /* its session, which may go on; NULL: not live */
    const char *realm;
    const char *user; /* UTF-8 without control characters; NULL: anonymous */
    int is_lowercase; /* its letters have been made so: it may be typed otherwise */
    const char *method;
    const char *attempt;             /* the name that login_begin has counted; NULL: none */
    const char *moment;              /* from before the credentials were checked; NULL: now */
    const secsession_jar_t *cookies; /* for the vault, or NULL */
    secsession_client_t client;
    secsession_limits_t limits;                /* both above zero */
    const secsession_stamp_t *stamp;           /* of the record of the user, or NULL */
    int persistent;                            /* the user wants to be kept signed in */
    const secsession_credential_t *credential; /* by which it is found, too; only with keys; or
                                                * NULL */
    secsession_crowd_t crowd;
} secsession_login_t;

/* Whether libpq understands a connection string. */
int secsession_store_is_connection(const char *params);

/* Makes a store, the `number`th of this server, before the children are forked. `server` is for the
 * log. `pool` is the configuration's. APR's error if the driver cannot be loaded, or there is no
 * shared memory or lock. Calls no database. */
apr_status_t secsession_store_create(secsession_store_t **store, apr_pool_t *pool,
                                     server_rec *server, const secsession_store_config_t *config,
                                     int number);

/* To be called in every child before its first request; connections close with `pool`. */
apr_status_t secsession_store_child_init(secsession_store_t *store, apr_pool_t *pool);

/* Notes that a token without a tag of ours was presented, of which nothing is asked. Whether that
 * is to be logged: once a minute for all children. */
int secsession_store_is_untagged_news(secsession_store_t *store);

/* Looks a token up: in the cache, else by one SQL statement. SECSESSION_LIVE and
 * SECSESSION_ANONYMOUS set *session; the request then counts as use of the session if it is within
 * the visit's limits and no polling. Any other outcome says why there is none. */
secsession_outcome_t secsession_store_lookup(secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm,
                                             const secsession_visit_t *visit,
                                             const secsession_client_t *client,
                                             const secsession_session_t **session);

/* How long ago a session was as it is described, in microseconds. */
apr_interval_time_t secsession_store_told_ago(const secsession_session_t *session);

/* Watches a session of which something is under way, until `pool` ends. `absolute` is the absolute
 * timeout of the location, in seconds; 0: none. NULL: the child could not be set up, which was
 * logged. */
secsession_vigil_t *secsession_store_watch(secsession_store_t *store, apr_pool_t *pool,
                                           const secsession_session_t *session, int absolute);

/* Whether what is under way may go on, as of the lease at most; to be asked before anything is
 * passed on. This costs no SQL. SECSESSION_LIVE. SECSESSION_REVOKED: the session has ended, for
 * whatever reason but idleness: what is under way is use. SECSESSION_UNAVAILABLE: nothing is
 * known. The latter two are final. */
secsession_outcome_t secsession_store_goes_on(secsession_vigil_t *vigil);

/* Has `tell` called once when the answer is no longer SECSESSION_LIVE, by another thread, unless
 * the pool ends before: it must not block, nor call the store. Else as secsession_store_goes_on,
 * without waiting. */
secsession_outcome_t secsession_store_at_end(secsession_vigil_t *vigil,
                                             void (*tell)(void *data, secsession_outcome_t why),
                                             void *data);

/* Looks a session up by the token that its client presented when it opened a connection which is
 * still open. If another token has taken its place since, *token becomes that one. Else as
 * secsession_store_lookup. */
secsession_outcome_t secsession_store_follow(secsession_store_t *store, apr_pool_t *pool,
                                             secsession_hash_t *token, const char *realm,
                                             const secsession_visit_t *visit,
                                             const char *client_addr,
                                             const secsession_session_t **session);

/* A session is in use until `request`, the pool of a request, ends, unless the visit is polling.
 * `token` is what it was looked up by. */
void secsession_store_use(secsession_store_t *store, apr_pool_t *request,
                          const secsession_hash_t *token, const secsession_session_t *session,
                          const secsession_visit_t *visit);

/* The same, but *token becomes the one of now; the cache may take one for it that has been retired
 * since. */
secsession_outcome_t secsession_store_follow_exactly(secsession_store_t *store, apr_pool_t *pool,
                                                     secsession_hash_t *token, const char *realm,
                                                     const secsession_visit_t *visit,
                                                     const char *client_addr,
                                                     const secsession_session_t **session);

/* An attempt to log in, before the password is checked. */
typedef struct {
    const char *realm;
    const char *user; /* as it was typed, as a name; "" where that can be no name */
    const char *client_addr;
    int most;   /* attempts of this user from this address... */
    int within; /* ...each less than so many seconds after the one before; 0 attempts: no limit */
} secsession_attempt_t;

/* Counts an attempt, which has to be followed by secsession_store_authenticate, _login_failed or
 * _login_undecided. While as many others of this user from this address are being checked as may
 * fail, it waits for these, for up to ten seconds. SECSESSION_DONE sets *moment, which is to be
 * given to secsession_store_authenticate, so that a revocation that commits while the password is
 * checked refuses the login (I2). SECSESSION_THROTTLED: too many; *wait seconds have to pass. */
secsession_outcome_t secsession_store_login_begin(secsession_store_t *store, apr_pool_t *pool,
                                                  const secsession_attempt_t *attempt,
                                                  const char **moment, int *wait);

/* The attempt was no failure, but has logged nobody in: SECSESSION_DONE. */
secsession_outcome_t secsession_store_login_undecided(secsession_store_t *store, apr_pool_t *pool,
                                                      const secsession_attempt_t *attempt);

/* The same moment alone, for logins that are checked elsewhere. SECSESSION_DONE sets *moment. */
secsession_outcome_t secsession_store_login_moment(secsession_store_t *store, apr_pool_t *pool,
                                                   const char **moment);

/* Binds a user to a token that did not exist before (I5). SECSESSION_LIVE sets *session;
 * SECSESSION_REVOKED: the user was revoked since the moment; SECSESSION_FULL: no more
 * sessions for this user; in both cases nobody is logged in. With a credential,
 * SECSESSION_REVOKED may also mean that it is refused until an administrator allows it, and
 * SECSESSION_RETIRED that a session is about to be found by it. */
secsession_outcome_t secsession_store_authenticate(secsession_store_t *store, apr_pool_t *pool,
                                                   const secsession_login_t *login,
                                                   const secsession_session_t **session);

/* Offers a session its next token, whose hash is `next`: the first request with it makes it
 * current, and then the one before it is served for `grace` more seconds. SECSESSION_DONE: tell the
 * browser; SECSESSION_RETIRED: another request was first, or `token` is no longer current: tell it
 * nothing. */
secsession_outcome_t secsession_store_offer(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_session_t *session, const char *realm,
                                            const secsession_hash_t *token,
                                            const secsession_hash_t *next,
                                            const secsession_rotation_t *rotation);

/* Records that a session was used from another address than the one it is bound to, and does what
 * `action` says: "log" (it is bound to the new address from then on), "reauth" or "end".
 * SECSESSION_DONE when it has. */
secsession_outcome_t secsession_store_moved(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_session_t *session,
                                            const char *client_addr, const char *action);

/* Ends a session because the record of its user has changed: SECSESSION_DONE. */
secsession_outcome_t secsession_store_end_changed(secsession_store_t *store, apr_pool_t *pool,
                                                  const secsession_session_t *session);

/* Records a failed login in the audit trail: SECSESSION_DONE. */
secsession_outcome_t secsession_store_login_failed(secsession_store_t *store, apr_pool_t *pool,
                                                   const secsession_attempt_t *attempt,
                                                   const char *reason);

/* Records that a session's request or response had an application's session id in a URL: where
 * (`place`), and under which `name`; at most once a minute. SECSESSION_DONE, also where it had
 * been recorded already. */
secsession_outcome_t secsession_store_session_id_in_url(secsession_store_t *store, apr_pool_t *pool,
                                                        const secsession_session_t *session,
                                                        const char *client_addr, const char *name,
                                                        const char *place);

/* Ends the session of a token at its user's wish; `session` is what the token was looked up as,
 * which may have another token by now, or NULL if the token had just been retired.
 * SECSESSION_LOGGED_OUT: it has ended, now or before; only
 * SECSESSION_UNAVAILABLE means that it may go on. */
secsession_outcome_t secsession_store_logout(secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm,
                                             const secsession_session_t *session);

/* Makes an anonymous session, with cookies in its vault. SECSESSION_ANONYMOUS sets *session. */
secsession_outcome_t secsession_store_begin(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_login_t *anonymous,
                                            const secsession_session_t **session);

/* Ends all sessions of a session's user in its realm, except this session if `but_this`:
 * SECSESSION_DONE. */
secsession_outcome_t secsession_store_revoke_own(secsession_store_t *store, apr_pool_t *pool,
                                                 const secsession_session_t *session, int but_this,
                                                 const char *reason);

/* One of the live sessions of a user, for that user to see. */
typedef struct {
    const char *id;
    const char *client_addr; /* like the next, of the last authentication; "" if unknown */
    const char *user_agent;
    apr_int64_t authenticated_s; /* so many seconds ago */
    apr_int64_t seen_s;
} secsession_own_t;

/* The sessions of a session's user in its realm, the one used last first. SECSESSION_DONE sets
 * *list, of secsession_own_t. */
secsession_outcome_t secsession_store_own(secsession_store_t *store, apr_pool_t *pool,
                                          const secsession_session_t *session,
                                          apr_array_header_t **list);

/* Ends another session of the same user in the same realm, by its id. SECSESSION_DONE when there is
 * none such any more. */
secsession_outcome_t secsession_store_end_own(secsession_store_t *store, apr_pool_t *pool,
                                              const secsession_session_t *session, const char *id);

/* What the vault of a session holds. SECSESSION_DONE sets *jar; SECSESSION_REVOKED: the session has
 * ended, or its user has authenticated again since it was looked up (I5). */
secsession_outcome_t secsession_store_vault(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_session_t *session,
                                            secsession_jar_t **jar);

/* The same as the database has it at this moment, whatever the cache knows. */
secsession_outcome_t secsession_store_vault_now(secsession_store_t *store, apr_pool_t *pool,
                                                const secsession_session_t *session,
                                                secsession_jar_t **jar);

/* Merges cookies into the vault of a session. SECSESSION_DONE when they are kept;
 * SECSESSION_REVOKED: as above, nothing is kept. */
secsession_outcome_t secsession_store_keep(secsession_store_t *store, apr_pool_t *pool,
                                           const secsession_session_t *session,
                                           const secsession_jar_t *cookies);

#endif
