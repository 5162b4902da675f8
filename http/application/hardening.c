/* Which parts are on, and which names count, by SecSessionHarden, SecSessionUrlIds and
 * SecSessionVault. */
#include "http/application/hardening.h"

#include <string.h>

/* The names that well-known languages and servers use for session ids in URLs. */
static const char *const DEFAULT_NAMES[] = { "PHPSESSID", "jsessionid", "ASP.NET_SessionId",
                                             "CFID",      "CFTOKEN",    "CGISESSID",
                                             NULL };

/* Where cookies are kept on the server their names are no business of URLs either: there a session
 * id would come back to an application that knows it by both. */
static int is_vault(const secsession_location_config_t *location)
{
    return location->enabled == 1 && location->vault && location->harden != 0
           && (location->vault->is_by_property || location->vault->patterns->nelts > 0);
}

static int is_plain_name(const char *pattern)
{
    return pattern[strcspn(pattern, "*?[\\")] == '\0';
}

/* The names, and those that SecSessionVault gives. */
static const char *const *with_vaulted(apr_pool_t *pool, const char *const *names,
                                       const apr_array_header_t *patterns)
{
    apr_array_header_t *all = apr_array_make(pool, 16 + patterns->nelts, sizeof(const char *));

    for (; *names; names++) {
        APR_ARRAY_PUSH(all, const char *) = *names;
    }
    for (int i = 0; i < patterns->nelts; i++) {
        const char *pattern = APR_ARRAY_IDX(patterns, i, const char *);

        if (is_plain_name(pattern)) {
            APR_ARRAY_PUSH(all, const char *) = pattern;
        }
    }
    APR_ARRAY_PUSH(all, const char *) = NULL;
    return (const char *const *)all->elts;
}

secsession_hardening_t secsession_hardening_of(apr_pool_t *pool,
                                               const secsession_location_config_t *location)
{
    secsession_hardening_t policy = { location->harden > 0 ? location->harden : 0,
                                      location->url_ids ? location->url_ids : DEFAULT_NAMES,
                                      location->harden_except };

    if (is_vault(location)) {
        policy.names = with_vaulted(pool, policy.names, location->vault->patterns);
        policy.parts |= policy.parts & SECSESSION_HARDEN_URLS ? 0 : SECSESSION_HARDEN_STRIP;
    }
    return policy;
}

secsession_hardening_t secsession_hardening_of_all(const secsession_here_t *here)
{
    secsession_hardening_t all = secsession_hardening_of(here->r->pool, here->location);

    for (const request_rec *r = here->r->prev; r; r = r->prev) {
        secsession_hardening_t earlier = secsession_hardening_of(here->r->pool,
                                                                 secsession_config_location(r));

        if (earlier.parts & SECSESSION_HARDEN_URLS) {
            all.names = earlier.names;
        }
        if (earlier.parts & SECSESSION_HARDEN_COOKIES) {
            all.except = earlier.except;
        }
        all.parts |= earlier.parts;
    }
    return all;
}
