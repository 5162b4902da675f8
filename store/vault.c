/* Cookies as JSON with sealed values, and the rows of secsession.vault_of() as cookies. */
#include "store/vault.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

#include "store/answer.h"

/* The columns of secsession.vault_of(). */
enum { VERSION, NAME, DOMAIN, PATH, VALUE, HOST_ONLY, SAME_SITE, SECONDS_LEFT, COLUMNS };

/* What a value is sealed for: it cannot be opened as the value of another cookie, or in another
 * session. */
static const char *place_of(apr_pool_t *pool, const char *id, const secsession_kept_t *cookie)
{
    return apr_pstrcat(pool, id, "\n", cookie->domain, cookie->host_only ? "\n" : "\n.\n",
                       cookie->path, "\n", cookie->name, NULL);
}

static const char *hex(apr_pool_t *pool, const void *bytes, apr_size_t length)
{
    return length ? apr_pescape_hex(pool, bytes, length, 0) : "";
}

static const char *hex_of(apr_pool_t *pool, const char *text)
{
    return hex(pool, text, strlen(text));
}

/* NULL if the value cannot be sealed. */
static const char *encode_value(apr_pool_t *pool, const secsession_keys_t *keys, const char *id,
                                const secsession_kept_t *cookie)
{
    const unsigned char *seal;
    apr_size_t length;

    if (cookie->value == NULL) {
        return "null";
    }
    if (secsession_seal(pool, keys, place_of(pool, id, cookie), cookie->value, &seal, &length)
        != APR_SUCCESS) {
        return NULL;
    }
    return apr_pstrcat(pool, "\"", hex(pool, seal, length), "\"", NULL);
}

/* NULL if its value cannot be sealed. */
static const char *encode(apr_pool_t *pool, const secsession_keys_t *keys, const char *id,
                          const secsession_kept_t *cookie, apr_int64_t now)
{
    const char *value = encode_value(pool, keys, id, cookie);

    return value
               ? apr_pstrcat(pool, "{\"name\":\"", hex_of(pool, cookie->name), "\",\"domain\":\"",
                             hex_of(pool, cookie->domain), "\",\"path\":\"",
                             hex_of(pool, cookie->path), "\",\"value\":", value,
                             ",\"host_only\":", cookie->host_only ? "true" : "false",
                             ",\"same_site\":\"", cookie->same_site, "\",\"left\":",
                             cookie->expires ? apr_off_t_toa(pool, cookie->expires - now) : "null",
                             "}", NULL)
               : NULL;
}

const char *secsession_vault_encode(apr_pool_t *pool, const secsession_keys_t *keys, const char *id,
                                    const secsession_jar_t *cookies)
{
    apr_array_header_t *all = apr_array_make(pool, cookies->nelts, sizeof(const char *));

    for (int i = 0; i < cookies->nelts; i++) {
        const char *json = encode(pool, keys, id, &APR_ARRAY_IDX(cookies, i, secsession_kept_t),
                                  apr_time_sec(apr_time_now()));

        if (json == NULL) {
            return NULL;
        }
        APR_ARRAY_PUSH(all, const char *) = json;
    }
    return apr_pstrcat(pool, "[", apr_array_pstrcat(pool, all, ','), "]", NULL);
}

static int decode_row(apr_pool_t *pool, const secsession_keys_t *keys, const char *id,
                      const PGresult *result, int row, secsession_kept_t *cookie, int *ok)
{
    cookie->name = secsession_column_text(pool, result, row, NAME);
    cookie->domain = secsession_column_text(pool, result, row, DOMAIN);
    cookie->path = secsession_column_text(pool, result, row, PATH);
    cookie->host_only = *PQgetvalue(result, row, HOST_ONLY) != 0;
    cookie->same_site = secsession_column_text(pool, result, row, SAME_SITE);
    cookie->expires = PQgetisnull(result, row, SECONDS_LEFT)
                          ? 0
                          : apr_time_sec(apr_time_now())
                                + secsession_column_number(result, row, SECONDS_LEFT, ok);
    cookie->value = secsession_unseal(pool, keys, place_of(pool, id, cookie),
                                      (const unsigned char *)PQgetvalue(result, row, VALUE),
                                      (apr_size_t)PQgetlength(result, row, VALUE));
    return cookie->value != NULL;
}

apr_status_t secsession_vault_decode(apr_pool_t *pool, const secsession_keys_t *keys,
                                     const char *id, const PGresult *result, secsession_jar_t **jar,
                                     apr_uint32_t *version, int *sealed)
{
    int ok = 1;

    *jar = secsession_jar_make(pool);
    *sealed = 0;
    if (PQntuples(result) == 0) {
        return APR_ENOENT;
    }
    if (PQnfields(result) != COLUMNS) {
        return APR_EGENERAL;
    }
    *version = (apr_uint32_t)secsession_column_number(result, 0, VERSION, &ok);
    for (int row = 0; row < PQntuples(result) && !PQgetisnull(result, row, NAME); row++) {
        secsession_kept_t cookie;

        if (decode_row(pool, keys, id, result, row, &cookie, &ok)) {
            APR_ARRAY_PUSH(*jar, secsession_kept_t) = cookie;
        } else {
            (*sealed)++;
        }
    }
    return ok ? APR_SUCCESS : APR_EGENERAL;
}
