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
#define BCRYPT_HASH "$2y$%02d$secsessionsecsessionse0000000000000000000000000000000"
#define BCRYPT_LEAST 4
#define BCRYPT_MOST 16
#define BCRYPT_HTPASSWD 5 /* the default of htpasswd -B */

/* CPU times in microseconds, shared by all children: of the latest check for a known user, and of
 * the cheapest bcrypt on this machine. 0: not measured yet. */
typedef struct {
    _Atomic apr_uint32_t known_user;
    _Atomic apr_uint32_t least_bcrypt;
} work_t;

static work_t *work;

apr_status_t secsession_password_init(apr_pool_t *pool)
{
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(&memory, sizeof(*work), NULL, pool);

    if (status == APR_SUCCESS) {
        work = apr_shm_baseaddr_get(memory);
    }
    return status;
}

static apr_uint32_t cpu_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (apr_uint32_t)now.tv_sec * 1000000u + (apr_uint32_t)(now.tv_nsec / 1000);
}

static void check_bcrypt(apr_pool_t *pool, const char *password, int cost)
{
    (void)apr_password_validate(password, apr_psprintf(pool, BCRYPT_HASH, cost));
}

/* The CPU time of the cheapest bcrypt on this machine, which is measured once. */
static apr_uint32_t least_bcrypt(apr_pool_t *pool)
{
    apr_uint32_t least = atomic_load(&work->least_bcrypt);

    if (least == 0) {
        apr_uint32_t start = cpu_time();

        check_bcrypt(pool, "", BCRYPT_LEAST);
        least = cpu_time() - start;
        atomic_store(&work->least_bcrypt, least ? least : 1);
    }
    return least ? least : 1;
}

/* Does as much work as a check for a known user. Each step of bcrypt's cost doubles the work, so
 * that the nearest step is the cost of the site's own hashes. If even the cheapest bcrypt is too
 * much, the hashes are taken to be MD5 (apr1). */
static void work_as_for_known_user(apr_pool_t *pool, const char *password)
{
    apr_uint32_t known = atomic_load(&work->known_user), step = least_bcrypt(pool);
    int cost = BCRYPT_LEAST;

    if (known == 0) {
        check_bcrypt(pool, password, BCRYPT_HTPASSWD);
        return;
    }
    if (known < step - step / 4) {
        (void)apr_password_validate(password, APR1_HASH);
        return;
    }
    while (cost < BCRYPT_MOST && known > step + step / 2) {
        step *= 2;
        cost++;
    }
    check_bcrypt(pool, password, cost);
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
        if (atomic_load(&work->known_user) == 0) {
            atomic_store(&work->known_user, spent); /* too little if the provider has it cached */
        }
        return SECSESSION_PASSWORD_RIGHT;
    case AUTH_DENIED:
        atomic_store(&work->known_user, spent);
        return SECSESSION_PASSWORD_WRONG;
    case AUTH_USER_NOT_FOUND:
        work_as_for_known_user(r->pool, password);
        return SECSESSION_PASSWORD_WRONG;
    default:
        return SECSESSION_PASSWORD_UNKNOWN;
    }
}

secsession_password_t secsession_password_refuse(request_rec *r, const char *password)
{
    work_as_for_known_user(r->pool, password);
    return SECSESSION_PASSWORD_WRONG;
}
