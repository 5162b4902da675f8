/* Signs and checks claims, and logs what is wrong with them. */
#include "store/claims.h"

#include <http_log.h>
#include <string.h>
#include <sys/random.h>

APLOG_USE_MODULE(secsession);

static void log_failure(struct secsession_store_t *store)
{
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, store->server,
                 "SS122: the kernel or libcrypto fails: no session can be signed or checked, and "
                 "requests with a session are answered with 503");
}

static void log_unsigned(struct secsession_store_t *store, const secsession_session_t *session)
{
    if (secsession_trouble_is_news(store->trouble, SECSESSION_TROUBLE_CLAIM)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, store->server,
                     "SS120: session %s is refused: what the database says of it was not signed "
                     "with the SecSessionKeys of this server; somebody has changed its row or made "
                     "it up, or it began on a server with other keys",
                     session->id);
    }
}

secsession_outcome_t secsession_claims_check(struct secsession_store_t *store, apr_pool_t *pool,
                                             const secsession_hash_t *token, const char *realm,
                                             secsession_outcome_t outcome,
                                             const secsession_session_t **session)
{
    const secsession_claim_t claim = { token,
                                       (*session)->id,
                                       realm,
                                       (*session)->user,
                                       (*session)->method,
                                       (*session)->authenticated_at };
    apr_status_t status = APR_SUCCESS;

    if (store->claim_keys) {
        status = secsession_claim_check(pool, store->claim_keys, &claim, (*session)->mac);
    }
    if (status == APR_SUCCESS) {
        return outcome;
    }
    if (status == APR_EMISMATCH) {
        log_unsigned(store, *session);
    } else {
        log_failure(store);
    }
    *session = NULL;
    return status == APR_EMISMATCH ? SECSESSION_UNKNOWN : SECSESSION_UNAVAILABLE;
}

const unsigned char *secsession_claims_sign(struct secsession_store_t *store, apr_pool_t *pool,
                                            const secsession_claim_t *claim)
{
    unsigned char *mac = apr_palloc(pool, SECSESSION_CLAIM_BYTES);

    if (secsession_claim_sign(pool, store->claim_keys, claim, mac) != APR_SUCCESS) {
        log_failure(store);
        return NULL;
    }
    return mac;
}

/* RFC 9562: of version 4 (random) or 8 (of an algorithm of one's own). */
static void format_id(apr_uuid_t *uuid, char id[APR_UUID_FORMATTED_LENGTH + 1],
                      unsigned char version)
{
    uuid->data[6] = (unsigned char)((uuid->data[6] & 0x0f) | version << 4);
    uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
    apr_uuid_format(id, uuid);
}

int secsession_claims_make_id(struct secsession_store_t *store,
                              char id[APR_UUID_FORMATTED_LENGTH + 1])
{
    apr_uuid_t uuid;

    if (getrandom(uuid.data, sizeof(uuid.data), 0) != (ssize_t)sizeof(uuid.data)) {
        log_failure(store);
        return 0;
    }
    format_id(&uuid, id, 4);
    return 1;
}

int secsession_claims_id_of(struct secsession_store_t *store, apr_pool_t *pool,
                            const secsession_hash_t *token, const char *realm,
                            char id[APR_UUID_FORMATTED_LENGTH + 1])
{
    const secsession_claim_t nameless = { .token = token, .id = "", .realm = realm };
    const unsigned char *mac = secsession_claims_sign(store, pool, &nameless);
    apr_uuid_t uuid;

    if (mac == NULL) {
        return 0;
    }
    memcpy(uuid.data, mac + SECSESSION_CLAIM_BYTES - sizeof(uuid.data), sizeof(uuid.data));
    format_id(&uuid, id, 8);
    return 1;
}

void secsession_claims_log_other(struct secsession_store_t *store,
                                 const secsession_session_t *session)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, store->server,
                 "SS121: the database has answered a login with another session than was asked "
                 "for, %s, which is not signed: somebody has changed its functions or its rows",
                 session->id);
}
