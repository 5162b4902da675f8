/* Every scope is one with which a browser would send the cookie to this address, can be written
 * into a Set-Cookie field, and there are no more than were asked for. The input is a host, a blank,
 * and a target. */
/* links: http/parse/scopes.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>

#include "http/parse/scopes.h"

#define MOST 40

/* RFC 6265bis, 5.1.4. */
static int path_matches(const char *target, const char *path, size_t length)
{
    size_t asked = strcspn(target, "?#");

    return length <= asked && strncmp(target, path, length) == 0
           && (length == asked || path[length - 1] == '/' || target[length] == '/');
}

/* RFC 6265bis, 5.1.3. */
static int domain_matches(const char *host, const char *domain)
{
    size_t more = strlen(host) - strlen(domain);

    return strlen(domain) <= strlen(host) && strcmp(host + more, domain) == 0
           && (more == 0 || host[more - 1] == '.') && strchr(domain, '.');
}

static void check(const char *scope, const char *target, const char *host)
{
    const char *path = scope + strlen("; Path="), *end = strchr(path, ';');
    size_t length = strcspn(path, ";");

    REQUIRE(strncmp(scope, "; Path=/", 8) == 0);
    REQUIRE(length <= SECSESSION_SCOPES_LONGEST && path_matches(target, path, length));
    for (const char *at = path; at < path + length; at++) {
        REQUIRE(*at > 0x20 && *at < 0x7f);
    }
    if (end) {
        REQUIRE(strncmp(end, "; Domain=", 9) == 0 && strpbrk(end + 9, "; \t\r\n") == NULL);
        REQUIRE(domain_matches(host, end + 9));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    char *host = apr_pstrdup(pool, fuzz_string(pool, data, size));
    char *target = strchr(host, ' ');
    apr_array_header_t *scopes;

    if (target) {
        *target++ = '\0';
    } else {
        target = host;
    }
    scopes = secsession_scopes_of(pool, target, host, MOST);
    REQUIRE(scopes->nelts <= MOST && (*target != '/' || scopes->nelts > 0));
    for (int i = 0; i < scopes->nelts; i++) {
        check(APR_ARRAY_IDX(scopes, i, const char *), target, host);
    }
    fuzz_pool_destroy(pool);
    return 0;
}
