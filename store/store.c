/* Turns each request of http/ into one statement, and the answer into an outcome; first of all asks
 * the cache. What concerns vaults is in vaults.c, what concerns a running session in own.c. */
#include "store/store.h"

#include <apr_strings.h>
#include <http_log.h>

#include "store/answer.h"
#include "store/ask.h"
#include "store/parts.h"

APLOG_USE_MODULE(secsession);

/* How long a session of which something is under way is believed where there is no cache. */
#define UNCACHED_LEASE apr_time_from_sec(1)

int secsession_store_is_connection(const char *params)
{
    char *error = NULL;
    PQconninfoOption *options = PQconninfoParse(params, &error);

    PQconninfoFree(options);
    PQfreemem(error);
    return options != NULL;
}

static apr_status_t create_cache(secsession_store_t *store, apr_pool_t *pool,
                                 const secsession_store_config_t *config, int number)
{
    apr_status_t status = secsession_cache_create(&store->cache, pool, (apr_size_t)config->slots);
    const secsession_listener_config_t listener = {
        .server = store->server,
        .dbd = store->dbd,
        .params = config->feed,
        .lease = apr_time_from_msec(config->lease_ms),
        .cache = store->cache,
        .trouble = store->trouble,
    };

    store->stale = apr_time_from_msec(config->stale_ms);
    if (status == APR_SUCCESS && config->has_vaults) {
        status = secsession_jars_create(&store->jars, pool, (apr_size_t)config->slots);
    }
    return status == APR_SUCCESS ? secsession_feed_create(&store->feed, pool, &listener, number)
                                 : status;
}

static apr_status_t derive_keys(secsession_store_t *store, apr_pool_t *pool,
                                const secsession_keys_t *keys)
{
    if (keys == NULL) {
        return APR_SUCCESS;
    }
    store->vault_keys = secsession_keys_derive(pool, keys, "mod_secsession vault");
    return store->vault_keys ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t secsession_store_create(secsession_store_t **result, apr_pool_t *pool,
                                     server_rec *server, const secsession_store_config_t *config,
                                     int number)
{
    secsession_store_t *store = apr_pcalloc(pool, sizeof(*store));
    apr_status_t status = secsession_trouble_create(&store->trouble, pool);
    const secsession_dbd_config_t dbd = {
        .server = server,
        .driver = config->driver,
        .params = config->params,
        .max = config->max,
        .sink = config->sink,
        .trouble = store->trouble,
    };

    store->server = server;
    store->lease = config->is_cached ? apr_time_from_msec(config->lease_ms) : UNCACHED_LEASE;
    if (status == APR_SUCCESS) {
        status = derive_keys(store, pool, config->keys);
    }
    if (status == APR_SUCCESS) {
        status = secsession_dbd_create(&store->dbd, pool, &dbd);
    }
    if (status == APR_SUCCESS) {
        status = secsession_housekeeper_create(&store->housekeeper, pool, server, store->dbd,
                                               store->trouble, number);
    }
    if (status == APR_SUCCESS && config->is_cached) {
        status = create_cache(store, pool, config, number);
    }
    *result = store;
    return status;
}

apr_status_t secsession_store_child_init(secsession_store_t *store, apr_pool_t *pool)
{
    apr_status_t status = secsession_dbd_child_init(store->dbd, pool);

    if (status == APR_SUCCESS) {
        status = secsession_lookups_create(&store->lookups, pool, store->dbd);
    }
    if (status == APR_SUCCESS) {
        status = secsession_running_create(&store->running, store->cache);
    }
    if (status == APR_SUCCESS) {
        status = secsession_housekeeper_child_init(store->housekeeper, pool, store->running);
    }
    if (status == APR_SUCCESS) {
        const secsession_vouchers_t vouchers = { store->cache, store->lease, store->stale };

        status = secsession_watchman_create(&store->watchman, pool, store->dbd, &vouchers);
    }
    return status == APR_SUCCESS && store->feed ? secsession_feed_child_init(store->feed, pool)
                                                : status;
}

int secsession_store_is_untagged_news(secsession_store_t *store)
{
    return secsession_trouble_is_news(store->trouble, SECSESSION_TROUBLE_TAG);
}

static secsession_generation_t generation_of(const secsession_store_t *store)
{
    return store->cache ? secsession_cache_generation(store->cache) : 0;
}

/* Writes down since when it is known that the session is so. */
static void date(apr_pool_t *pool, const secsession_session_t **session, apr_time_t asked,
                 secsession_generation_t generation)
{
    secsession_session_t *dated = apr_pmemdup(pool, *session, sizeof(**session));

    dated->told = asked;
    dated->generation = generation;
    *session = dated;
}

static secsession_outcome_t look_up(secsession_store_t *store, apr_pool_t *pool,
                                    const secsession_hash_t *token, const char *realm,
                                    const secsession_visit_t *visit,
                                    const secsession_client_t *client,
                                    const secsession_session_t **session)
{
    const secsession_question_t question = { token, realm, visit, client };
    secsession_generation_t generation = generation_of(store);
    apr_time_t asked = secsession_monotonic();
    secsession_outcome_t outcome;

    if (store->lookups == NULL) {
        return SECSESSION_UNAVAILABLE; /* secsession_store_child_init failed, which was logged */
    }
    outcome = secsession_lookups_ask(store->lookups, pool, &question, session);
    if (*session) {
        date(pool, session, asked, generation);
    }
    return outcome;
}

static void keep(secsession_store_t *store, const secsession_hash_t *token, const char *realm,
                 const secsession_session_t *session, const secsession_visit_t *visit,
                 apr_time_t asked, secsession_generation_t generation)
{
    if (secsession_cache_put(store->cache, token, realm, session, visit, asked, generation)
        && secsession_trouble_is_news(store->trouble, SECSESSION_TROUBLE_FULL)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, store->server,
                     "SS112: the cache is full: sessions that were used least recently are read "
                     "from the database again; raise SecSessionCacheSlots if memory allows");
    }
}

secsession_outcome_t secsession_store_lookup(secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm,
                                             const secsession_visit_t *visit,
                                             const secsession_client_t *client,
                                             const secsession_session_t **session)
{
    secsession_outcome_t outcome;
    apr_time_t asked;

    if (store->cache == NULL) {
        return look_up(store, pool, token, realm, visit, client, session);
    }
    asked = secsession_monotonic();
    *session = secsession_cache_find(store->cache, pool, token, realm, visit, asked, 0);
    if (*session) {
        return SECSESSION_LIVE;
    }
    outcome = look_up(store, pool, token, realm, visit, client, session);
    if (outcome == SECSESSION_LIVE && (*session)->cacheable) {
        keep(store, token, realm, *session, visit, asked, (*session)->generation);
    }
    if (outcome == SECSESSION_UNAVAILABLE && store->stale > 0) {
        *session = secsession_cache_find(store->cache, pool, token, realm, visit, asked,
                                         store->stale);
        outcome = *session ? SECSESSION_LIVE : outcome;
    }
    return outcome;
}

secsession_outcome_t secsession_store_follow(secsession_store_t *store, apr_pool_t *pool,
                                             secsession_hash_t *token, const char *realm,
                                             const secsession_visit_t *visit,
                                             const char *client_addr,
                                             const secsession_session_t **session)
{
    const secsession_client_t client = { client_addr, NULL };
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;

    if (store->cache) {
        *session = secsession_cache_find(store->cache, pool, token, realm, visit,
                                         secsession_monotonic(), 0);
        if (*session) {
            return SECSESSION_LIVE;
        }
    }
    secsession_parameters_add_hash(&parameters, token);
    secsession_parameters_add_text(&parameters, realm);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_CURRENT_TOKEN, &parameters);
    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    if (PQgetlength(result, 0, 0) != SECSESSION_HASH_BYTES) {
        return SECSESSION_UNKNOWN;
    }
    memcpy(token->bytes, PQgetvalue(result, 0, 0), SECSESSION_HASH_BYTES);
    return secsession_store_lookup(store, pool, token, realm, visit, &client, session);
}

void secsession_store_use(secsession_store_t *store, apr_pool_t *request,
                          const secsession_hash_t *token, const secsession_session_t *session,
                          const secsession_visit_t *visit)
{
    if (store->running && !visit->is_polling) {
        secsession_running_add(store->running, request, token, session, visit);
    }
}

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

secsession_outcome_t secsession_store_authenticate(secsession_store_t *store, apr_pool_t *pool,
                                                   const secsession_login_t *login,
                                                   const secsession_session_t **session)
{
    secsession_generation_t generation = generation_of(store);
    apr_time_t asked = secsession_monotonic();
    secsession_parameters_t parameters = { 0 };
    secsession_outcome_t outcome;

    secsession_parameters_add_hash(&parameters, &login->token);
    secsession_parameters_add_hash(&parameters, login->replaces);
    secsession_parameters_add_text(&parameters, login->realm);
    secsession_parameters_add_text(&parameters, login->user);
    secsession_parameters_add_text(&parameters, login->method);
    secsession_parameters_add_text(&parameters, login->moment);
    secsession_parameters_add_text(&parameters, login->client.addr);
    secsession_parameters_add_text(&parameters, secsession_client_agent(&login->client, pool));
    secsession_parameters_add_number(&parameters, pool, login->limits.idle);
    secsession_parameters_add_number(&parameters, pool, login->limits.absolute);
    if (!secsession_store_add_cookies(store, pool, &parameters, login->cookies)) {
        return SECSESSION_UNAVAILABLE;
    }
    secsession_parameters_add_truth(&parameters, login->persistent);
    secsession_parameters_add_number(&parameters, pool, login->crowd.most);
    secsession_parameters_add_truth(&parameters, login->crowd.is_newest_refused);
    secsession_parameters_add_bytes(&parameters, login->stamp ? login->stamp->bytes : NULL,
                                    SECSESSION_STAMP_BYTES);
    secsession_parameters_add_truth(&parameters, login->is_lowercase);
    secsession_parameters_add_text(&parameters, login->attempt);
    outcome = secsession_ask_session(store->dbd, pool, SECSESSION_SQL_AUTHENTICATE, &parameters,
                                     session);
    if (login->replaces) {
        forget(store, login->replaces);
    }
    if (outcome == SECSESSION_LIVE) {
        date(pool, session, asked, generation);
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
                                            const secsession_session_t *session,
                                            const secsession_hash_t *token,
                                            const secsession_hash_t *next,
                                            const secsession_rotation_t *rotation)
{
    secsession_parameters_t parameters = { 0 };
    apr_time_t now = secsession_monotonic();
    const PGresult *result;

    if (now < atomic_load(&store->no_offers_until)) {
        return SECSESSION_UNAVAILABLE;
    }
    secsession_parameters_add_text(&parameters, session->id);
    secsession_parameters_add_hash(&parameters, token);
    secsession_parameters_add_hash(&parameters, next);
    secsession_parameters_add_number(&parameters, pool, rotation->interval);
    secsession_parameters_add_number(&parameters, pool, rotation->grace);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_OFFER_TOKEN, &parameters);
    forget(store, token);
    if (result == NULL) {
        atomic_store(&store->no_offers_until, now + OFFERS_PAUSE);
        return SECSESSION_UNAVAILABLE;
    }
    return *PQgetvalue(result, 0, 0) ? SECSESSION_DONE : SECSESSION_RETIRED;
}

secsession_outcome_t secsession_store_begin(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_login_t *anonymous,
                                            const secsession_session_t **session)
{
    apr_time_t asked = secsession_monotonic();
    secsession_parameters_t parameters = { 0 };
    secsession_outcome_t outcome = SECSESSION_UNAVAILABLE;

    secsession_parameters_add_hash(&parameters, &anonymous->token);
    secsession_parameters_add_text(&parameters, anonymous->realm);
    secsession_parameters_add_text(&parameters, anonymous->client.addr);
    secsession_parameters_add_text(&parameters, secsession_client_agent(&anonymous->client, pool));
    secsession_parameters_add_number(&parameters, pool, anonymous->limits.idle);
    secsession_parameters_add_number(&parameters, pool, anonymous->limits.absolute);
    if (secsession_store_add_cookies(store, pool, &parameters, anonymous->cookies)) {
        outcome = secsession_ask_session(store->dbd, pool, SECSESSION_SQL_BEGIN_SESSION,
                                         &parameters, session);
    }
    if (outcome == SECSESSION_ANONYMOUS) {
        date(pool, session, asked, 0);
    }
    return outcome;
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

secsession_outcome_t secsession_store_session_id_in_url(secsession_store_t *store, apr_pool_t *pool,
                                                        const secsession_session_t *session,
                                                        const char *client_addr, const char *name,
                                                        const char *place)
{
    secsession_parameters_t parameters = { 0 };

    secsession_parameters_add_text(&parameters, session->id);
    secsession_parameters_add_text(&parameters, client_addr);
    secsession_parameters_add_text(&parameters, name);
    secsession_parameters_add_text(&parameters, place);
    return secsession_ask_done(store->dbd, pool, SECSESSION_SQL_SESSION_ID_IN_URL, &parameters);
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
