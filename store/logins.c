/* Logins: attempts, the sessions that they begin, the sessions of nobody, and the tokens that a
 * session is offered. Where there are keys, what they make is signed. */
#include <apr_escape.h>
#include <apr_strings.h>
#include <string.h>

#include "store/answer.h"
#include "store/ask.h"
#include "store/claims.h"
#include "store/parts.h"
#include "store/store.h"

/* SECSESSION_THROTTLED with *wait 0: as many are being checked as may fail. */
static secsession_outcome_t begin_attempt(secsession_store_t *store, apr_pool_t *pool,
                                          const secsession_attempt_t *attempt, const char **moment,
                                          int *wait)
{
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;
    int ok = 1;

    secsession_parameters_add_text(&parameters, attempt->realm);
    secsession_parameters_add_text(&parameters, attempt->user);
    secsession_parameters_add_text(&parameters, attempt->client_addr);
    secsession_parameters_add_number(&parameters, pool, attempt->most);
    secsession_parameters_add_number(&parameters, pool, attempt->within);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_LOGIN_BEGIN, &parameters);
    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    *moment = secsession_column_text(pool, result, 0, 0);
    if (PQgetisnull(result, 0, 1)) {
        return SECSESSION_DONE;
    }
    *wait = (int)secsession_column_number(result, 0, 1, &ok);
    if (!ok) {
        secsession_dbd_log_nonsense(store->dbd, SECSESSION_SQL_LOGIN_BEGIN);
        return SECSESSION_UNAVAILABLE;
    }
    return SECSESSION_THROTTLED;
}

#define FIRST_TURN apr_time_from_msec(20)
#define LONGEST_TURN apr_time_from_msec(320)
#define LAST_TURN apr_time_from_sec(10)

/* Between two questions no connection is held. */
secsession_outcome_t secsession_store_login_begin(secsession_store_t *store, apr_pool_t *pool,
                                                  const secsession_attempt_t *attempt,
                                                  const char **moment, int *wait)
{
    apr_time_t until = secsession_monotonic() + LAST_TURN;
    apr_interval_time_t turn = FIRST_TURN;
    secsession_outcome_t outcome;

    while ((outcome = begin_attempt(store, pool, attempt, moment, wait)) == SECSESSION_THROTTLED
           && *wait == 0) {
        if (secsession_monotonic() > until) {
            *wait = 1;
            return outcome;
        }
        apr_sleep(turn);
        turn = turn < LONGEST_TURN ? turn * 2 : turn;
    }
    return outcome;
}

/* The server does not wait for the feed to tell it what it has just changed itself. */
static void forget(secsession_store_t *store, const secsession_hash_t *token)
{
    if (store->cache) {
        secsession_cache_invalidate_token(store->cache, token);
    }
}

/* A new session is called `id`; only that one may go on whose claim was checked. Without keys, the
 * database says all that. As the array of secsession.authenticate(). */
static const char *ids_of(apr_pool_t *pool, const secsession_login_t *login, const char *id)
{
    return login->continues ? apr_pstrcat(pool, "{", id, ",", login->continues->id, "}", NULL)
                            : apr_pstrcat(pool, "{", id, "}", NULL);
}

/* As the array of bytea of secsession.authenticate(). */
static const char *array_of(apr_pool_t *pool, const apr_array_header_t *hashes)
{
    const char *array = "{";

    for (int i = 0; i < hashes->nelts; i++) {
        const secsession_hash_t *hash = &APR_ARRAY_IDX(hashes, i, secsession_hash_t);

        array = apr_pstrcat(pool, array, i ? "," : "", "\"\\\\x",
                            apr_pescape_hex(pool, hash->bytes, SECSESSION_HASH_BYTES, 0), "\"",
                            NULL);
    }
    return apr_pstrcat(pool, array, "}", NULL);
}

/* With keys the cookies are kept when it is known which session they are to be sealed for. */
static int add_login(secsession_store_t *store, apr_pool_t *pool,
                     secsession_parameters_t *parameters, const secsession_login_t *login,
                     const char *id)
{
    const secsession_credential_t *credential = login->credential;

    secsession_parameters_add_hash(parameters, &login->token);
    secsession_parameters_add_hash(parameters, login->replaces);
    secsession_parameters_add_text(parameters, login->realm);
    secsession_parameters_add_text(parameters, login->user);
    secsession_parameters_add_text(parameters, login->method);
    secsession_parameters_add_text(parameters, login->moment);
    secsession_parameters_add_text(parameters, login->client.addr);
    secsession_parameters_add_text(parameters, secsession_client_agent(&login->client, pool));
    secsession_parameters_add_number(parameters, pool, login->limits.idle);
    secsession_parameters_add_number(parameters, pool, login->limits.absolute);
    if (!secsession_store_add_cookies(store, pool, parameters, id,
                                      store->claim_keys ? NULL : login->cookies)) {
        return 0;
    }
    secsession_parameters_add_truth(parameters, login->persistent);
    secsession_parameters_add_number(parameters, pool, login->crowd.most);
    secsession_parameters_add_truth(parameters, login->crowd.is_newest_refused);
    secsession_parameters_add_bytes(parameters, login->stamp ? login->stamp->bytes : NULL,
                                    SECSESSION_STAMP_BYTES);
    secsession_parameters_add_truth(parameters, login->is_lowercase);
    secsession_parameters_add_text(parameters, login->attempt);
    secsession_parameters_add_text(parameters, store->claim_keys ? ids_of(pool, login, id) : NULL);
    secsession_parameters_add_hash(parameters, credential ? &credential->client : NULL);
    secsession_parameters_add_text(parameters,
                                   credential ? array_of(pool, credential->hashes) : NULL);
    return 1;
}

/* Whether the database has logged in whom it was asked to, in a session that it may. */
static int is_as_asked(const secsession_login_t *login, const char *id,
                       const secsession_session_t *session)
{
    return strcmp(session->user, login->user) == 0 && strcmp(session->method, login->method) == 0
           && (strcmp(session->id, id) == 0
               || (login->continues && strcmp(session->id, login->continues->id) == 0));
}

/* The MAC of what a session claims by a token, or by what else it is found by; NULL: by nothing, or
 * libcrypto fails, which is logged. */
static const unsigned char *mac_by(secsession_store_t *store, apr_pool_t *pool,
                                   const secsession_login_t *login,
                                   const secsession_session_t *session,
                                   const secsession_hash_t *token)
{
    const secsession_claim_t claim = { token,       session->id,   login->realm,
                                       login->user, login->method, session->authenticated_at };

    return token ? secsession_claims_sign(store, pool, &claim) : NULL;
}

/* Signs the session that a login has come to, and keeps its cookies. Nobody has the token yet. */
static secsession_outcome_t sign(secsession_store_t *store, apr_pool_t *pool,
                                 const secsession_login_t *login,
                                 const secsession_session_t **session)
{
    secsession_session_t *complete = apr_pmemdup(pool, *session, sizeof(*complete));
    const unsigned char *mac = mac_by(store, pool, login, complete, &login->token);
    const secsession_hash_t *client = login->credential ? &login->credential->client : NULL;
    const unsigned char *client_mac = mac_by(store, pool, login, complete, client);
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;
    int ok = 1;

    secsession_parameters_add_hash(&parameters, &login->token);
    secsession_parameters_add_bytes(&parameters, mac, SECSESSION_CLAIM_BYTES);
    if (mac == NULL
        || !secsession_store_add_cookies(store, pool, &parameters, complete->id, login->cookies)
        || (client && client_mac == NULL)) {
        return SECSESSION_UNAVAILABLE;
    }
    secsession_parameters_add_bytes(&parameters, client_mac, SECSESSION_CLAIM_BYTES);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_SIGN_SESSION, &parameters);
    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    if (PQgetisnull(result, 0, 0)) {
        return SECSESSION_LIVE; /* it has ended since, of which the next request will be told */
    }
    complete->vault_version = (apr_uint32_t)secsession_column_number(result, 0, 0, &ok);
    *session = complete;
    return ok ? SECSESSION_LIVE : SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_store_authenticate(secsession_store_t *store, apr_pool_t *pool,
                                                   const secsession_login_t *login,
                                                   const secsession_session_t **session)
{
    secsession_generation_t generation = secsession_store_generation(store);
    apr_time_t asked = secsession_monotonic();
    secsession_parameters_t parameters = { 0 };
    secsession_outcome_t outcome;
    char id[APR_UUID_FORMATTED_LENGTH + 1] = "";

    if ((store->claim_keys && !secsession_claims_make_id(store, id))
        || !add_login(store, pool, &parameters, login, id)) {
        return SECSESSION_UNAVAILABLE;
    }
    outcome = secsession_ask_session(store->dbd, pool, SECSESSION_SQL_AUTHENTICATE, &parameters,
                                     session);
    if (outcome == SECSESSION_LIVE && store->claim_keys) {
        if (is_as_asked(login, id, *session)) {
            outcome = sign(store, pool, login, session);
        } else {
            secsession_claims_log_other(store, *session);
            outcome = SECSESSION_UNAVAILABLE;
        }
    }
    if (login->replaces) {
        forget(store, login->replaces);
    }
    if (outcome == SECSESSION_LIVE) {
        secsession_store_date(pool, session, asked, generation);
    }
    /* That token may be in its grace, and the session known by the one after it. */
    if (store->cache && outcome == SECSESSION_LIVE) {
        secsession_cache_invalidate(store->cache, secsession_key_of_session((*session)->id));
    }
    return outcome;
}

/* After a failure no other request tries for so long. */
#define OFFERS_PAUSE apr_time_from_sec(10)

secsession_outcome_t secsession_store_offer(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_session_t *session, const char *realm,
                                            const secsession_hash_t *token,
                                            const secsession_hash_t *next,
                                            const secsession_rotation_t *rotation)
{
    const secsession_claim_t claim = { next,          session->id,     realm,
                                       session->user, session->method, session->authenticated_at };
    const unsigned char *mac = store->claim_keys ? secsession_claims_sign(store, pool, &claim)
                                                 : NULL;
    secsession_parameters_t parameters = { 0 };
    apr_time_t now = secsession_monotonic();
    const PGresult *result;

    if (now < atomic_load(&store->no_offers_until) || (store->claim_keys && mac == NULL)) {
        return SECSESSION_UNAVAILABLE;
    }
    secsession_parameters_add_text(&parameters, session->id);
    secsession_parameters_add_hash(&parameters, token);
    secsession_parameters_add_hash(&parameters, next);
    secsession_parameters_add_number(&parameters, pool, rotation->interval);
    secsession_parameters_add_number(&parameters, pool, rotation->grace);
    secsession_parameters_add_bytes(&parameters, mac, SECSESSION_CLAIM_BYTES);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_OFFER_TOKEN, &parameters);
    forget(store, token);
    if (result == NULL) {
        atomic_store(&store->no_offers_until, now + OFFERS_PAUSE);
        return SECSESSION_UNAVAILABLE;
    }
    return *PQgetvalue(result, 0, 0) ? SECSESSION_DONE : SECSESSION_RETIRED;
}

/* What an anonymous session claims is known before: so one statement does all. */
static int add_anonymous(secsession_store_t *store, apr_pool_t *pool,
                         secsession_parameters_t *parameters, const secsession_login_t *anonymous,
                         const char *id)
{
    const secsession_claim_t claim = { .token = &anonymous->token,
                                       .id = id,
                                       .realm = anonymous->realm };
    const unsigned char *mac = store->claim_keys ? secsession_claims_sign(store, pool, &claim)
                                                 : NULL;

    secsession_parameters_add_hash(parameters, &anonymous->token);
    secsession_parameters_add_text(parameters, anonymous->realm);
    secsession_parameters_add_text(parameters, anonymous->client.addr);
    secsession_parameters_add_text(parameters, secsession_client_agent(&anonymous->client, pool));
    secsession_parameters_add_number(parameters, pool, anonymous->limits.idle);
    secsession_parameters_add_number(parameters, pool, anonymous->limits.absolute);
    if (!secsession_store_add_cookies(store, pool, parameters, id, anonymous->cookies)) {
        return 0;
    }
    secsession_parameters_add_text(parameters, store->claim_keys ? id : NULL);
    secsession_parameters_add_bytes(parameters, mac, SECSESSION_CLAIM_BYTES);
    return store->claim_keys == NULL || mac != NULL;
}

secsession_outcome_t secsession_store_begin(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_login_t *anonymous,
                                            const secsession_session_t **session)
{
    apr_time_t asked = secsession_monotonic();
    secsession_parameters_t parameters = { 0 };
    secsession_outcome_t outcome;
    char id[APR_UUID_FORMATTED_LENGTH + 1] = "";

    if ((store->claim_keys
         && !secsession_claims_id_of(store, pool, &anonymous->token, anonymous->realm, id))
        || !add_anonymous(store, pool, &parameters, anonymous, id)) {
        return SECSESSION_UNAVAILABLE;
    }
    outcome = secsession_ask_session(store->dbd, pool, SECSESSION_SQL_BEGIN_SESSION, &parameters,
                                     session);
    if (store->claim_keys && outcome == SECSESSION_ANONYMOUS && strcmp((*session)->id, id) != 0) {
        secsession_claims_log_other(store, *session);
        return SECSESSION_UNAVAILABLE;
    }
    if (outcome == SECSESSION_ANONYMOUS) {
        secsession_store_date(pool, session, asked, 0);
    }
    /* Nobody becomes a user by beginning as a visitor. */
    return outcome == SECSESSION_LIVE ? SECSESSION_RETIRED : outcome;
}

secsession_outcome_t secsession_store_login_failed(secsession_store_t *store, apr_pool_t *pool,
                                                   const secsession_attempt_t *attempt,
                                                   const char *reason)
{
    secsession_parameters_t parameters = { 0 };

    secsession_parameters_add_text(&parameters, attempt->realm);
    secsession_parameters_add_text(&parameters, *attempt->user ? attempt->user : NULL);
    secsession_parameters_add_text(&parameters, attempt->client_addr);
    secsession_parameters_add_text(&parameters, reason);
    secsession_parameters_add_number(&parameters, pool, attempt->most);
    secsession_parameters_add_number(&parameters, pool, attempt->within);
    return secsession_ask_done(store->dbd, pool, SECSESSION_SQL_LOGIN_FAILED, &parameters);
}

secsession_outcome_t secsession_store_login_undecided(secsession_store_t *store, apr_pool_t *pool,
                                                      const secsession_attempt_t *attempt)
{
    secsession_parameters_t parameters = { 0 };

    if (attempt->most == 0) {
        return SECSESSION_DONE;
    }
    secsession_parameters_add_text(&parameters, attempt->realm);
    secsession_parameters_add_text(&parameters, attempt->user);
    secsession_parameters_add_text(&parameters, attempt->client_addr);
    return secsession_ask_done(store->dbd, pool, SECSESSION_SQL_LOGIN_UNDECIDED, &parameters);
}

secsession_outcome_t secsession_store_login_moment(secsession_store_t *store, apr_pool_t *pool,
                                                   const char **moment)
{
    const secsession_parameters_t none = { 0 };
    const PGresult *result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_LOGIN_MOMENT,
                                                  &none);

    *moment = result ? PQgetvalue(result, 0, 0) : NULL;
    return result ? SECSESSION_DONE : SECSESSION_UNAVAILABLE;
}
