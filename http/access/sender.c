/* Finds the sessions of clients that send their credentials with each request. */
#include "http/access/sender.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <http_ssl.h>

#include "http/request/address.h"
#include "http/request/current.h"
#include "http/request/name.h"
#include "http/users/record.h"

APLOG_USE_MODULE(secsession);

#define CERTIFICATE "ClientCert" /* what newer versions of mod_ssl call their users' AuthType */

#define TURN apr_time_from_msec(20)
#define LAST_TURN apr_time_from_sec(3)

const char *secsession_sender_type(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return r->ap_auth_type && strcmp(r->ap_auth_type, CERTIFICATE) != 0 ? type : NULL;
}

const char *secsession_sender_method(request_rec *r)
{
    const char *type = secsession_sender_type(r);
    char *method = apr_pstrdup(r->pool, type ? type : "certificate");

    ap_str_tolower(method);
    return method;
}

int secsession_sender_is_by_header(const char *type)
{
    return type && (strcasecmp(type, "Basic") == 0 || strcasecmp(type, "Digest") == 0);
}

int secsession_sender_is_known(const secsession_here_t *here, const char *type)
{
    return here->server->sender_keys && (type == NULL || secsession_sender_is_by_header(type));
}

static secsession_sender_t sender_of(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const secsession_client_t client = secsession_address_client(r);
    secsession_sender_t sender = { here->server->realm,
                                   secsession_name(here, r->user),
                                   secsession_sender_method(r),
                                   secsession_address_network(r),
                                   client.agent,
                                   NULL };

    if (secsession_sender_type(r) == NULL) {
        sender.certificate = ap_ssl_var_lookup(r->pool, r->server, r->connection, r,
                                               "SSL_CLIENT_CERT");
    }
    return sender;
}

static void log_failure(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_CRIT, 0, r,
                  "SS295: libcrypto makes no MAC, so that the session of user %s cannot be found",
                  r->user);
}

secsession_outcome_t secsession_sender_find(const secsession_here_t *here)
{
    const secsession_sender_t sender = sender_of(here);
    secsession_hash_t client;

    if (sender.user == NULL) {
        return SECSESSION_UNKNOWN;
    }
    if (secsession_credential_client(here->r->pool, here->server->sender_keys, &sender, &client)
        != APR_SUCCESS) {
        log_failure(here->r);
        return SECSESSION_UNAVAILABLE;
    }
    return secsession_current_find(here, &client);
}

secsession_outcome_t secsession_sender_await(const secsession_here_t *here)
{
    for (apr_interval_time_t waited = 0; waited < LAST_TURN; waited += TURN) {
        secsession_outcome_t outcome = secsession_sender_find(here);

        if (outcome == SECSESSION_LIVE || outcome == SECSESSION_UNAVAILABLE) {
            return outcome;
        }
        apr_sleep(TURN);
    }
    return SECSESSION_UNAVAILABLE;
}

/* Whether the records that httpd's own providers have of the user at this location could be read;
 * *record is NULL if they have none, or another provider has it. */
static int read_records(request_rec *r, const char *method, const char **record)
{
    const secsession_location_config_t *location = secsession_config_location(r);
    const secsession_source_t sources[] = {
        { strcmp(method, "digest") == 0 ? SECSESSION_SOURCE_DIGEST : "file", location->user_file },
        { "dbd", location->user_query },
    };

    *record = NULL;
    for (apr_size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        const char *found = NULL;
        int is_certain;
        apr_status_t status = sources[i].where ? secsession_record_read(r, &sources[i], r->user,
                                                                        &found, &is_certain)
                                               : APR_SUCCESS;

        if (status != APR_SUCCESS) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, status, r,
                          "SS296: the record of user %s cannot be read (%s): no session begins",
                          r->user, sources[i].where);
            return 0;
        }
        *record = found ? apr_pstrcat(r->pool, *record ? *record : "", "\n", found, NULL) : *record;
    }
    return 1;
}

const secsession_credential_t *secsession_sender_credential(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const secsession_keys_t *keys = here->server->sender_keys;
    const secsession_sender_t sender = sender_of(here);
    secsession_credential_t *credential = apr_palloc(r->pool, sizeof(*credential));
    const char *record = sender.certificate;

    if (record == NULL && !read_records(r, sender.method, &record)) {
        return NULL;
    }
    credential->hashes = secsession_credential_hashes(r->pool, keys, &sender, record);
    if (credential->hashes == NULL
        || secsession_credential_client(r->pool, keys, &sender, &credential->client)
               != APR_SUCCESS) {
        log_failure(r);
        return NULL;
    }
    return credential;
}
