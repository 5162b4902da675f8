/* Lists the scopes that a cookie can have. Uses nothing but APR, so that it can be tested and
 * fuzzed on its own. */
#include "http/parse/scopes.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* Whether the host is a name that domains can be taken from: not an address, and every label has a
 * character. Browsers take a name for an IPv4 address if its last label begins with a digit. */
static int is_name(const char *host)
{
    char before = '.';

    for (const char *at = host; *at; before = *at++) {
        if (*at == '.' ? before == '.' : !apr_isalnum(*at) && *at != '-' && *at != '_') {
            return 0;
        }
        if (before == '.' && apr_isdigit(*at) && strchr(at, '.') == NULL) {
            return 0;
        }
    }
    return before != '.';
}

/* A semicolon would begin another attribute. */
static int can_be_said(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f && c != ';';
}

static void add(apr_array_header_t *scopes, const char *path, const char *host, int most)
{
    if (scopes->nelts < most) {
        APR_ARRAY_PUSH(scopes, const char *) = apr_pstrcat(scopes->pool, "; Path=", path, NULL);
    }
    while (host && strchr(host, '.') && scopes->nelts < most) {
        APR_ARRAY_PUSH(scopes, const char *) = apr_pstrcat(scopes->pool, "; Path=", path,
                                                           "; Domain=", host, NULL);
        host = strchr(host, '.') + 1;
    }
}

apr_array_header_t *secsession_scopes_of(apr_pool_t *pool, const char *target, const char *host,
                                         int most)
{
    apr_array_header_t *scopes = apr_array_make(pool, 8, sizeof(const char *));
    apr_size_t length = strcspn(target, "?#");

    host = host && is_name(host) ? host : NULL;
    for (apr_size_t i = 1; *target == '/' && i <= length && i <= SECSESSION_SCOPES_LONGEST; i++) {
        if (!can_be_said(target[i - 1])) {
            break;
        }
        if (target[i - 1] == '/' || target[i] == '/' || i == length) {
            add(scopes, apr_pstrmemdup(pool, target, i), host, most);
        }
    }
    return scopes;
}
