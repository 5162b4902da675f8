/* The statements about vaults. What a vault holds is sealed and turned into SQL in vault.c, and
 * remembered in jars.c. */
#include <httpd.h>
#include <http_log.h>

#include "store/answer.h"
#include "store/parts.h"
#include "store/store.h"
#include "store/vault.h"

APLOG_USE_MODULE(secsession);

int secsession_store_add_cookies(secsession_store_t *store, apr_pool_t *pool,
                                 secsession_parameters_t *parameters, const char *id,
                                 const secsession_jar_t *cookies)
{
    const char *json = cookies ? secsession_vault_encode(pool, store->vault_keys, id, cookies)
                               : NULL;

    secsession_parameters_add_text(parameters, json);
    if (cookies && json == NULL) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, store->server,
                     "SS114: the kernel or libcrypto fails: no cookie of an application can be "
                     "sealed, and responses that set one are answered with 503");
        return 0;
    }
    return 1;
}

static const char *find_jar(secsession_store_t *store, apr_pool_t *pool,
                            const secsession_session_t *session, apr_size_t *length)
{
    return store->jars ? secsession_jars_find(store->jars, pool, session->id,
                                              session->vault_version, length)
                       : NULL;
}

static void keep_jar(secsession_store_t *store, apr_pool_t *pool,
                     const secsession_session_t *session, apr_uint32_t version,
                     const secsession_jar_t *jar)
{
    if (store->jars) {
        apr_size_t length;
        const char *bytes = secsession_jar_pack(pool, jar, &length);

        secsession_jars_put(store->jars, session->id, version, bytes, length);
    }
}

/* Without the database: NULL where it has to be asked. */
static secsession_jar_t *known_vault(secsession_store_t *store, apr_pool_t *pool,
                                     const secsession_session_t *session)
{
    apr_size_t length;
    const char *bytes;

    if (session->vault_version == 0) {
        return secsession_jar_make(pool);
    }
    bytes = find_jar(store, pool, session, &length);
    return bytes ? secsession_jar_unpack(pool, bytes, length) : NULL;
}

/* The session, and the authentication that the request was let in by: of what has begun since,
 * nothing is read or changed. */
static void add_session(secsession_parameters_t *parameters, apr_pool_t *pool,
                        const secsession_session_t *session)
{
    secsession_parameters_add_text(parameters, session->id);
    secsession_parameters_add_number(parameters, pool, session->authenticated_at);
}

secsession_outcome_t secsession_store_vault_now(secsession_store_t *store, apr_pool_t *pool,
                                                const secsession_session_t *session,
                                                secsession_jar_t **jar)
{
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;
    apr_uint32_t version;
    int sealed;

    add_session(&parameters, pool, session);
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_VAULT_OF, &parameters);
    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    switch (secsession_vault_decode(pool, store->vault_keys, session->id, result, jar, &version,
                                    &sealed)) {
    case APR_SUCCESS:
        break;
    case APR_ENOENT:
        return SECSESSION_REVOKED;
    default:
        secsession_dbd_log_nonsense(store->dbd, SECSESSION_SQL_VAULT_OF);
        return SECSESSION_UNAVAILABLE;
    }
    if (sealed == 0) {
        keep_jar(store, pool, session, version, *jar);
    } else if (secsession_trouble_is_news(store->trouble, SECSESSION_TROUBLE_SEAL)) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, store->server,
            "SS115: the vault of session %s has %d cookies that cannot be opened: the keys of "
            "SecSessionKeys do not fit; they are as good as gone",
            session->id, sealed);
    }
    return SECSESSION_DONE;
}

secsession_outcome_t secsession_store_vault(secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_session_t *session,
                                            secsession_jar_t **jar)
{
    *jar = known_vault(store, pool, session);
    return *jar ? SECSESSION_DONE : secsession_store_vault_now(store, pool, session, jar);
}

/* Each change counts the version up, so that what the vault holds is known if it is known what it
 * held one version before: the next request need not read it. */
static void keep_changed(secsession_store_t *store, apr_pool_t *pool,
                         const secsession_session_t *session, apr_uint32_t version,
                         const secsession_jar_t *cookies)
{
    secsession_session_t before = *session;
    secsession_jar_t *jar;

    before.vault_version = version - 1;
    jar = known_vault(store, pool, &before);
    if (jar == NULL) {
        return;
    }
    for (int i = 0; i < cookies->nelts; i++) {
        secsession_jar_set(jar, &APR_ARRAY_IDX(cookies, i, secsession_kept_t),
                           apr_time_sec(apr_time_now()));
    }
    keep_jar(store, pool, session, version, jar);
}

secsession_outcome_t secsession_store_keep(secsession_store_t *store, apr_pool_t *pool,
                                           const secsession_session_t *session,
                                           const secsession_jar_t *cookies)
{
    secsession_parameters_t parameters = { 0 };
    const PGresult *result;
    apr_int64_t version;
    int ok = 1;

    add_session(&parameters, pool, session);
    if (!secsession_store_add_cookies(store, pool, &parameters, session->id, cookies)) {
        return SECSESSION_UNAVAILABLE;
    }
    result = secsession_dbd_query(store->dbd, pool, SECSESSION_SQL_KEEP_COOKIES, &parameters);
    if (store->cache) {
        secsession_cache_invalidate(store->cache, secsession_key_of_session(session->id));
    }
    if (result == NULL) {
        return SECSESSION_UNAVAILABLE;
    }
    if (PQgetisnull(result, 0, 0)) {
        return SECSESSION_REVOKED;
    }
    version = secsession_column_number(result, 0, 0, &ok);
    if (ok) {
        keep_changed(store, pool, session, (apr_uint32_t)version, cookies);
    }
    return SECSESSION_DONE;
}
