/* Remembers the names of users who have not proved yet who they are. */
#include "http/application/try.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

#include "http/application/cookies.h"
#include "http/application/tee.h"
#include "http/parse/fields.h"
#include "http/request/answer.h"
#include "http/request/begin.h"
#include "http/request/current.h"
#include "http/request/name.h"
#include "http/request/origin.h"

APLOG_USE_MODULE(secsession);

#define HIDDEN "\001"
#define NAME HIDDEN "try"
#define LASTS 600 /* seconds */

/* --- the cookies of the vault ---------------------------------------------------------------- */

static int is_ours(const secsession_kept_t *cookie)
{
    return strncmp(cookie->name, NAME, sizeof(NAME) - 1) == 0;
}

/* A value of NULL removes the cookie; an empty one is a mark. */
static secsession_kept_t cookie_of(request_rec *r, const char *name, const char *value)
{
    return (secsession_kept_t){
        .name = name,
        .value = value,
        .domain = HIDDEN,
        .path = HIDDEN,
        .host_only = 1,
        .same_site = "",
        .expires = apr_time_sec(r->request_time) + LASTS,
    };
}

static const char *new_name(apr_pool_t *pool)
{
    apr_uint64_t number;

    return apr_generate_random_bytes((unsigned char *)&number, sizeof(number)) == APR_SUCCESS
               ? apr_psprintf(pool, NAME "%" APR_UINT64_T_HEX_FMT, number)
               : NULL;
}

/* Finds the one cookie of ours in the jar besides `mark`, which may be NULL. *count: how many there
 * are. */
static const secsession_kept_t *find(const secsession_jar_t *jar, const char *mark, apr_int64_t now,
                                     int *count)
{
    const secsession_kept_t *found = NULL;

    *count = 0;
    for (int i = 0; jar && i < jar->nelts; i++) {
        const secsession_kept_t *cookie = &APR_ARRAY_IDX(jar, i, secsession_kept_t);

        if (is_ours(cookie) && cookie->expires > now
            && !(mark && strcmp(mark, cookie->name) == 0)) {
            found = cookie;
            ++*count;
        }
    }
    return *count == 1 ? found : NULL;
}

/* --- before the application ------------------------------------------------------------------ */

/* What was in the vault before the application saw this request. */
static void note_found(const secsession_here_t *here, secsession_try_t *tried)
{
    apr_pool_t *pool = secsession_lasting_pool(here->r);
    const secsession_kept_t *found;
    int count;

    found = find(here->context->vaulted.jar, NULL, apr_time_sec(here->r->request_time), &count);
    tried->is_clear = count == 0;
    if (found && strchr(found->value, ' ')) {
        tried->found = apr_pstrdup(pool, found->name);
        tried->value = apr_pstrdup(pool, found->value);
        tried->user = strchr(tried->value, ' ') + 1;
    }
}

/* Many applications read the fields of a form from the query, too. */
static int may_bring_name(const secsession_here_t *here, const secsession_when_t *try)
{
    request_rec *r = here->r;

    return r->method_number != M_GET
           || (r->args && secsession_fields_are_there(r->pool, r->args, try->field));
}

/* Where there is no session there is nothing yet that could be taken for this request's name. */
static int leave_mark(const secsession_here_t *here, secsession_try_t *tried)
{
    request_rec *r = here->r;
    const secsession_session_t *session = secsession_current(here);
    secsession_jar_t *jar;
    secsession_kept_t mark;

    tried->mark = new_name(r->pool);
    if (tried->mark == NULL) {
        return secsession_answer_unavailable(r);
    }
    if (session == NULL) {
        return OK;
    }
    mark = cookie_of(r, tried->mark, "");
    jar = secsession_jar_make(r->pool);
    APR_ARRAY_PUSH(jar, secsession_kept_t) = mark;
    if (secsession_store_keep(here->server->store, r->pool, session, jar)
        == SECSESSION_UNAVAILABLE) {
        return secsession_answer_unavailable(r);
    }
    if (here->context->vaulted.jar) {
        secsession_jar_set(here->context->vaulted.jar, &mark, apr_time_sec(r->request_time));
    }
    return OK;
}

static int is_on(const secsession_when_t *when)
{
    return when && when->expression;
}

int secsession_try_begin(const secsession_here_t *here)
{
    const secsession_location_config_t *location = here->location;
    const secsession_when_t *try = location->login_try, *login = location->login_when;
    const int may_be_tried = is_on(try) && may_bring_name(here, try);
    secsession_try_t *tried;

    if (location->enabled != 1 || here->context->tried
        || !(may_be_tried || (is_on(login) && login->is_tried))) {
        return OK;
    }
    if (location->vault == NULL
        || (location->vault->patterns->nelts == 0 && !location->vault->is_by_property)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, here->r,
                      "SS289: SecSessionLoginTry has no effect at %s without SecSessionVault: let "
                      "it name the cookie of the application's session",
                      here->r->uri);
        return OK;
    }
    tried = apr_pcalloc(secsession_lasting_pool(here->r), sizeof(*tried));
    here->context->tried = tried;
    note_found(here, tried);
    if (may_be_tried) {
        secsession_tee_insert(here);
        return leave_mark(here, tried);
    }
    return OK;
}

/* --- the response ---------------------------------------------------------------------------- */

static void set(const secsession_here_t *here, const char *name, const char *value)
{
    const secsession_kept_t cookie = cookie_of(here->r, name, value);

    secsession_cookies_add(here, &cookie);
}

/* Removes all names and marks that this request knows of. */
static void forget(const secsession_here_t *here)
{
    apr_pool_t *pool = here->r->pool;
    const secsession_jar_t *jar = here->context->vaulted.jar;
    apr_array_header_t *names = apr_array_make(pool, 4, sizeof(const char *));

    for (int i = 0; jar && i < jar->nelts; i++) {
        const secsession_kept_t *cookie = &APR_ARRAY_IDX(jar, i, secsession_kept_t);

        if (is_ours(cookie)) {
            APR_ARRAY_PUSH(names, const char *) = cookie->name;
        }
    }
    for (int i = 0; i < names->nelts; i++) {
        set(here, APR_ARRAY_IDX(names, i, const char *), NULL);
    }
}

/* The name that the application has taken; NULL if none is known for sure. No page of another
 * origin makes one, whatever SecSessionGuard allows. */
static const char *name_taken(const secsession_here_t *here, const char *said)
{
    request_rec *r = here->r;

    return said && here->context->is_posted && here->context->moment
                   && secsession_origin_of(r) != SECSESSION_OTHER_ORIGIN
               ? secsession_name(here, said)
               : NULL;
}

/* A mark that does not become a name stays, so that nothing is confirmed before the next name;
 * unless the application says that it has taken none, and there was none to take. */
void secsession_try_end(const secsession_here_t *here, int is_taken)
{
    const secsession_when_t *try = here->location->login_try;
    const secsession_try_t *tried = here->context->tried;
    const char *name;

    if (tried == NULL || tried->mark == NULL || !is_on(try)) {
        return;
    }
    name = is_taken ? name_taken(here, secsession_tee_field(here, try->field)) : NULL;
    if (name) {
        forget(here);
        set(here, tried->mark, apr_pstrcat(here->r->pool, here->context->moment, " ", name, NULL));
    } else if (!is_taken && here->context->is_posted && secsession_tee_lacks(here, try->field)) {
        set(here, tried->mark, NULL);
    }
}

const char *secsession_try_confirm(const secsession_here_t *here)
{
    secsession_try_t *tried = here->context->tried;

    if (tried == NULL || tried->user == NULL) {
        return NULL;
    }
    tried->is_confirmed = 1;
    return tried->user;
}

/* Whether the name is still the only one, in the database itself. */
static secsession_outcome_t is_alone(const secsession_here_t *here, const secsession_try_t *tried)
{
    request_rec *r = here->r;
    const secsession_session_t *session = secsession_current(here);
    const secsession_kept_t *found = NULL;
    secsession_jar_t *jar;
    secsession_outcome_t outcome = SECSESSION_REVOKED;
    int count;

    if (session) {
        outcome = secsession_store_vault_now(here->server->store, r->pool, session, &jar);
    }
    if (outcome == SECSESSION_DONE) {
        found = find(jar, tried->mark, apr_time_sec(r->request_time), &count);
    }
    return outcome == SECSESSION_UNAVAILABLE ? outcome
           : found && strcmp(found->name, tried->found) == 0
                   && strcmp(found->value, tried->value) == 0
               ? SECSESSION_LIVE
               : SECSESSION_REVOKED;
}

int secsession_try_check(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_try_t *tried = here->context->tried;

    if (tried == NULL) {
        return OK;
    }
    forget(here);
    if (!tried->is_confirmed) {
        return OK;
    }
    /* A revocation since the name was taken refuses the login (I2). */
    here->context->moment = apr_pstrmemdup(r->pool, tried->value, strcspn(tried->value, " "));
    switch (is_alone(here, tried)) {
    case SECSESSION_LIVE:
        return OK;
    case SECSESSION_UNAVAILABLE:
        return secsession_answer_unavailable(r);
    default:
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "SS290: the application at %s has logged somebody in, but in this session "
                      "another name was tried at the same time: its response is not sent",
                      r->uri);
        return HTTP_BAD_GATEWAY;
    }
}
