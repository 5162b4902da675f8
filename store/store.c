/* Turns each request of http/ into one statement, and the answer into an outcome; first of all asks
 * the cache. What concerns logins is in logins.c, what concerns vaults in vaults.c, and what
 * concerns a running session in own.c. */
#include "store/store.h"

#include <apr_strings.h>
#include <http_log.h>

#include "store/ask.h"
#include "store/claims.h"
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
    store->claim_keys = secsession_keys_derive(pool, keys, "mod_secsession claim");
    return store->vault_keys && store->claim_keys ? APR_SUCCESS : APR_EGENERAL;
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

secsession_generation_t secsession_store_generation(const secsession_store_t *store)
{
    return store->cache ? secsession_cache_generation(store->cache) : 0;
}

void secsession_store_date(apr_pool_t *pool, const secsession_session_t **session, apr_time_t asked,
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
    secsession_generation_t generation = secsession_store_generation(store);
    apr_time_t asked = secsession_monotonic();
    secsession_outcome_t outcome;

    if (store->lookups == NULL) {
        return SECSESSION_UNAVAILABLE; /* secsession_store_child_init failed, which was logged */
    }
    outcome = secsession_lookups_ask(store->lookups, pool, &question, session);
    if (outcome == SECSESSION_LIVE || outcome == SECSESSION_ANONYMOUS) {
        outcome = secsession_claims_check(store, pool, token, realm, outcome, session);
    }
    if (*session) {
        secsession_store_date(pool, session, asked, generation);
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
    if (outcome == SECSESSION_LIVE && *session && (*session)->cacheable) {
        keep(store, token, realm, *session, visit, asked, (*session)->generation);
    }
    if (outcome == SECSESSION_UNAVAILABLE && store->stale > 0) {
        *session = secsession_cache_find(store->cache, pool, token, realm, visit, asked,
                                         store->stale);
        outcome = *session ? SECSESSION_LIVE : outcome;
    }
    return outcome;
}

secsession_outcome_t secsession_store_follow_exactly(secsession_store_t *store, apr_pool_t *pool,
                                                     secsession_hash_t *token, const char *realm,
                                                     const secsession_visit_t *visit,
                                                     const char *client_addr,
                                                     const secsession_session_t **session)
{
    const secsession_client_t client = { client_addr, NULL };
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;

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

secsession_outcome_t secsession_store_follow(secsession_store_t *store, apr_pool_t *pool,
                                             secsession_hash_t *token, const char *realm,
                                             const secsession_visit_t *visit,
                                             const char *client_addr,
                                             const secsession_session_t **session)
{
    if (store->cache) {
        *session = secsession_cache_find(store->cache, pool, token, realm, visit,
                                         secsession_monotonic(), 0);
        if (*session) {
            return SECSESSION_LIVE;
        }
    }
    return secsession_store_follow_exactly(store, pool, token, realm, visit, client_addr, session);
}

void secsession_store_use(secsession_store_t *store, apr_pool_t *request,
                          const secsession_hash_t *token, const secsession_session_t *session,
                          const secsession_visit_t *visit)
{
    if (store->running && !visit->is_polling) {
        secsession_running_add(store->running, request, token, session, visit);
    }
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
