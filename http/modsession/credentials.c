/* Finds the credentials among the entries of a session of mod_session. */
#include "http/modsession/credentials.h"

#include <apr_strings.h>
#include <http_core.h>

#include "http/request/name.h"

#define USER "-user"
#define PASSWORD "-pw"
#define SITE "-site"

/* If the entry `key` is a user name and there is an entry with the password to it, the AuthName of
 * both, else NULL. */
static const char *name_in(apr_pool_t *pool, const apr_table_t *entries, const char *key)
{
    apr_size_t length = strlen(key), suffix = sizeof(USER) - 1;
    const char *name;

    if (length < suffix || strcmp(key + length - suffix, USER) != 0) {
        return NULL;
    }
    name = apr_pstrmemdup(pool, key, length - suffix);
    return apr_table_get(entries, apr_pstrcat(pool, name, PASSWORD, NULL)) ? name : NULL;
}

static apr_pool_t *pool_of(const apr_table_t *entries)
{
    return apr_table_elts(entries)->pool;
}

int secsession_credentials_are_in(const apr_table_t *entries)
{
    const apr_array_header_t *array = apr_table_elts(entries);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)array->elts;

    for (int i = 0; i < array->nelts; i++) {
        if (name_in(pool_of(entries), entries, entry[i].key)) {
            return 1;
        }
    }
    return 0;
}

/* mod_auth_form notes what a form has sent with the first request, under its AuthName. */
static const char *note(request_rec *r, const char *suffix)
{
    while (r->main) {
        r = r->main;
    }
    while (r->prev) {
        r = r->prev;
    }
    return ap_auth_name(r)
               ? apr_table_get(r->notes, apr_pstrcat(r->pool, ap_auth_name(r), suffix, NULL))
               : NULL;
}

const char *secsession_credentials_posted(request_rec *r, const apr_table_t *entries)
{
    const apr_array_header_t *array = apr_table_elts(entries);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)array->elts;
    const char *user = note(r, USER), *password = note(r, PASSWORD);

    for (int i = 0; user && password && i < array->nelts; i++) {
        const char *name = name_in(r->pool, entries, entry[i].key);

        if (name && strcmp(entry[i].val, user) == 0
            && strcmp(apr_table_get(entries, apr_pstrcat(r->pool, name, PASSWORD, NULL)), password)
                   == 0) {
            return user;
        }
    }
    return NULL;
}

int secsession_credentials_remove_others(const secsession_here_t *here, apr_table_t *entries,
                                         const char *user)
{
    apr_pool_t *pool = pool_of(entries);
    const apr_table_t *all = apr_table_copy(pool, entries);
    const apr_array_header_t *array = apr_table_elts(all);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)array->elts;
    int found = 0;

    for (int i = 0; i < array->nelts; i++) {
        const char *name = name_in(pool, all, entry[i].key);

        if (name && (user == NULL || !secsession_name_is(here, entry[i].val, user))) {
            apr_table_unset(entries, apr_pstrcat(pool, name, USER, NULL));
            apr_table_unset(entries, apr_pstrcat(pool, name, PASSWORD, NULL));
            apr_table_unset(entries, apr_pstrcat(pool, name, SITE, NULL));
            found = 1;
        }
    }
    return found;
}

void secsession_credentials_keep_only(const secsession_here_t *here, apr_table_t *entries,
                                      const char *user)
{
    static const char *const suffixes[] = { USER, PASSWORD, SITE };
    const apr_table_t *all = apr_table_copy(pool_of(entries), entries);
    const apr_array_header_t *array = apr_table_elts(all);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)array->elts;

    apr_table_clear(entries);
    for (int i = 0; i < array->nelts; i++) {
        const char *name = name_in(pool_of(all), all, entry[i].key);

        int is_kept = name && user && secsession_name_is(here, entry[i].val, user);

        for (int j = 0; is_kept && j < 3; j++) {
            const char *key = apr_pstrcat(pool_of(all), name, suffixes[j], NULL);
            const char *value = apr_table_get(all, key);

            if (value) {
                apr_table_setn(entries, key, value);
            }
        }
    }
}
