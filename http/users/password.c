/* Checks passwords, with as much work for a user who does not exist as for one who does. */
#include "http/users/password.h"

#include <ap_provider.h>
#include <apr_md5.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <http_log.h>
#include <mod_auth.h>
#include <stdatomic.h>
#include <time.h>

#include "http/setup/config.h"
#include "http/users/owner.h"
#include "http/users/stamped.h"

APLOG_USE_MODULE(secsession);

/* Hashes that no password matches, but checking a password against them is as much work as against
 * any other hash. */
#define APR1_HASH "$apr1$secsessi$0000000000000000000000"
#define HTPASSWD_HASH "$2y$05$secsessionsecsessionse0000000000000000000000000000000"
#define MOST_WORK 5000000 /* microseconds; bcrypt takes so long at a cost of 16 */

/* The CPU time in microseconds of the costliest check of a password that there was, shared by all
 * children. */
static _Atomic apr_uint32_t *costliest;

static apr_uint32_t cpu_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (apr_uint32_t)now.tv_sec * 1000000u + (apr_uint32_t)(now.tv_nsec / 1000);
}

static void note_work(apr_uint32_t spent)
{
    apr_uint32_t work = spent < MOST_WORK ? spent : MOST_WORK, before = atomic_load(costliest);

    while (work > before && !atomic_compare_exchange_weak(costliest, &before, work)) {
    }
}

/* The first check that fails cannot be compared with one before: it is as costly as one of what
 * htpasswd -B makes, at least. */
apr_status_t secsession_password_init(apr_pool_t *pool)
{
    apr_uint32_t start = cpu_time();
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(&memory, sizeof(*costliest), NULL, pool);

    if (status == APR_SUCCESS) {
        costliest = apr_shm_baseaddr_get(memory);
        (void)apr_password_validate("", HTPASSWD_HASH);
        note_work(cpu_time() - start);
    }
    return status;
}

/* Works on until as much has been done since `start` as for the costliest check. So it shows in
 * the time neither whether there is a user, nor which of several kinds of hashes the user has. */
static secsession_password_t refuse(apr_uint32_t start)
{
    apr_uint32_t work = atomic_load(costliest);

    while (cpu_time() - start < work) {
        (void)apr_password_validate("", APR1_HASH);
    }
    return SECSESSION_PASSWORD_WRONG;
}

static authn_status ask(request_rec *r, const char *name, const char *user, const char *password,
                        const secsession_stamp_t **stamp)
{
    const authn_provider *provider = ap_lookup_provider(AUTHN_PROVIDER_GROUP, name,
                                                        AUTHN_PROVIDER_VERSION);
    authn_status answer;

    if (provider == NULL || provider->check_password == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS207: no module provides the authentication provider '%s': load its module "
                      "(mod_authn_%s), or name another provider with SecSessionAuthProvider",
                      name, name);
        return AUTH_GENERAL_ERROR;
    }
    *stamp = secsession_stamped_record(r, name, user);
    apr_table_setn(r->notes, AUTHN_PROVIDER_NAME_NOTE, name);
    answer = provider->check_password(r, user, password);
    apr_table_unset(r->notes, AUTHN_PROVIDER_NAME_NOTE);
    return answer;
}

static authn_status ask_providers(request_rec *r, const char *user, const char *password,
                                  const secsession_stamp_t **stamp)
{
    const apr_array_header_t *providers = secsession_config_location(r)->providers;
    authn_status answer = AUTH_USER_NOT_FOUND;

    if (providers == NULL) {
        return ask(r, AUTHN_DEFAULT_PROVIDER, user, password, stamp);
    }
    for (int i = 0; i < providers->nelts && answer == AUTH_USER_NOT_FOUND; i++) {
        answer = ask(r, APR_ARRAY_IDX(providers, i, const char *), user, password, stamp);
    }
    return answer;
}

/* What a .htaccess file says of users counts for its own pages, not for a login to the realm. */
static authn_status ask_all(request_rec *r, const char *user, const char *password,
                            const secsession_stamp_t **stamp)
{
    ap_conf_vector_t *config;
    authn_status answer;

    if (!secsession_owner_is_stranger(r)) {
        return ask_providers(r, user, password, stamp);
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, r,
        "SS247: a .htaccess file says how users of %s authenticate: it does not count for "
        "this login, but what the server's configuration says in its <Location>s does",
        r->uri);
    config = secsession_owner_take(r);
    answer = ask_providers(r, user, password, stamp);
    r->per_dir_config = config;
    return answer;
}

secsession_password_t secsession_password_check(request_rec *r, const char **user,
                                                const char *password,
                                                const secsession_stamp_t **stamp)
{
    char *before = r->user;
    apr_uint32_t start = cpu_time(), spent;
    authn_status answer;

    r->user = apr_pstrdup(r->pool, *user);
    answer = ask_all(r, *user, password, stamp);
    spent = cpu_time() - start;
    if (answer == AUTH_GRANTED && r->user) {
        *user = r->user;
    }
    r->user = before;
    switch (answer) {
    case AUTH_GRANTED:
        note_work(spent);
        return SECSESSION_PASSWORD_RIGHT;
    case AUTH_DENIED:
        note_work(spent);
        return refuse(start);
    case AUTH_USER_NOT_FOUND:
        return refuse(start);
    default:
        return SECSESSION_PASSWORD_UNKNOWN;
    }
}

secsession_password_t secsession_password_refuse(void)
{
    return refuse(cpu_time());
}
