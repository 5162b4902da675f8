/* No parcel breaks who opens it, whatever is in it; and what was put into one comes out again. The
 * seal is left out here (session/seal.c would open nothing that is made up). */
/* links: session/parcel.c session/jar.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>

#include "session/parcel.h"
#include "session/seal.h"

#define TOKEN "token"

apr_status_t secsession_seal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                             const char *text, const unsigned char **seal, apr_size_t *length)
{
    *seal = apr_pmemdup(pool, text, strlen(text));
    *length = strlen(text);
    return APR_SUCCESS;
}

const char *secsession_unseal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                              const unsigned char *seal, apr_size_t length)
{
    return apr_pstrmemdup(pool, (const char *)seal, length);
}

static void check_cookies(const secsession_jar_t *jar)
{
    for (int i = 0; i < jar->nelts; i++) {
        const secsession_kept_t *cookie = &APR_ARRAY_IDX(jar, i, secsession_kept_t);

        REQUIRE(strlen(cookie->name) + strlen(cookie->value) + strlen(cookie->domain)
                    + strlen(cookie->path) + strlen(cookie->same_site)
                < SECSESSION_PARCEL_CHARS);
    }
}

/* The input as the name and the value of a cookie, which hold no control characters. */
static void check_made(apr_pool_t *pool, const char *text)
{
    const secsession_kept_t cookie = { text, text, "host", "/", 1, "lax", 7 };
    secsession_jar_t *jar = secsession_jar_make(pool);
    const char *parcel;

    APR_ARRAY_PUSH(jar, secsession_kept_t) = cookie;
    parcel = secsession_parcel_make(pool, NULL, TOKEN, jar, 2);
    REQUIRE(parcel || strlen(text) > 1000);
    if (parcel) {
        const secsession_jar_t *opened = secsession_parcel_open(pool, NULL, parcel, 1);
        const secsession_kept_t *found;

        REQUIRE(strlen(parcel) <= SECSESSION_PARCEL_CHARS);
        REQUIRE(secsession_parcel_token(parcel) == strlen(TOKEN));
        REQUIRE(opened && opened->nelts == 1);
        found = &APR_ARRAY_IDX(opened, 0, secsession_kept_t);
        REQUIRE(strcmp(found->name, text) == 0 && strcmp(found->value, text) == 0);
        REQUIRE(strcmp(found->domain, "host") == 0 && strcmp(found->same_site, "lax") == 0);
        REQUIRE(found->host_only && found->expires == 7);
        REQUIRE(secsession_parcel_open(pool, NULL, parcel, 2) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *text = fuzz_string(pool, data, size);
    const secsession_jar_t *jar = secsession_parcel_open(pool, NULL, text, 0);

    REQUIRE(secsession_parcel_token(text) <= strlen(text));
    if (jar) {
        check_cookies(jar);
    }
    if (strpbrk(text, "\n") == NULL) {
        check_made(pool, text);
    }
    fuzz_pool_destroy(pool);
    return 0;
}
