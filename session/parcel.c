/* Making and opening parcels. */
#include "session/parcel.h"

#include <apr_strings.h>
#include <openssl/evp.h>
#include <string.h>

#include "session/seal.h"

#define MARK '.'       /* is in no token and in no base64 */
#define FIELD_END '\n' /* is in no cookie; a seal is of a text without NUL */

/* The moment and the cookies as a text. */
static const char *write_text(apr_pool_t *pool, const secsession_jar_t *cookies, apr_int64_t until)
{
    secsession_jar_t *kept = secsession_jar_make(pool);
    apr_size_t length;
    const char *packed;
    char *bytes;

    for (int i = 0; i < cookies->nelts; i++) {
        const secsession_kept_t *cookie = &APR_ARRAY_IDX(cookies, i, secsession_kept_t);

        if (cookie->value) {
            APR_ARRAY_PUSH(kept, secsession_kept_t) = *cookie;
        }
    }
    packed = secsession_jar_pack(pool, kept, &length);
    bytes = apr_pstrmemdup(pool, packed, length);
    for (apr_size_t i = 0; i < length; i++) {
        bytes[i] = (char)(bytes[i] ? bytes[i] : FIELD_END);
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "%c%s", until, FIELD_END, bytes);
}

const char *secsession_parcel_make(apr_pool_t *pool, const secsession_keys_t *keys,
                                   const char *token, const secsession_jar_t *cookies,
                                   apr_int64_t until)
{
    const char *text = write_text(pool, cookies, until);
    const apr_size_t token_length = strlen(token);
    const unsigned char *seal;
    apr_size_t length;
    char *parcel;

    if (token_length + 1 + (strlen(text) + SECSESSION_SEAL_OVERHEAD + 2) / 3 * 4
            > SECSESSION_PARCEL_CHARS
        || secsession_seal(pool, keys, token, text, &seal, &length) != APR_SUCCESS) {
        return NULL;
    }
    parcel = apr_palloc(pool, SECSESSION_PARCEL_CHARS + 1);
    memcpy(parcel, token, token_length);
    parcel[token_length] = MARK;
    EVP_EncodeBlock((unsigned char *)parcel + token_length + 1, seal, (int)length);
    return parcel;
}

apr_size_t secsession_parcel_token(const char *value)
{
    const char *mark = strchr(value, MARK);

    return mark ? (apr_size_t)(mark - value) : 0;
}

/* Decodes base64, which is as long as it has to be. Returns NULL if it is none. */
static const unsigned char *decode(apr_pool_t *pool, const char *text, apr_size_t *length)
{
    const apr_size_t chars = strlen(text);
    unsigned char *bytes;
    int decoded;

    if (chars == 0 || chars % 4 != 0 || chars > SECSESSION_PARCEL_CHARS) {
        return NULL;
    }
    bytes = apr_palloc(pool, chars / 4 * 3);
    decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)chars);
    if (decoded < 3) {
        return NULL;
    }
    *length = (apr_size_t)decoded - (text[chars - 1] == '=') - (text[chars - 2] == '=');
    return bytes;
}

static secsession_jar_t *read_text(apr_pool_t *pool, char *text, apr_int64_t now)
{
    char *at = strchr(text, FIELD_END);
    const apr_size_t length = at ? strlen(at + 1) : 0;

    if (at == NULL || apr_atoi64(text) <= now) {
        return NULL;
    }
    at++;
    for (apr_size_t i = 0; i < length; i++) {
        at[i] = (char)(at[i] == FIELD_END ? '\0' : at[i]);
    }
    return secsession_jar_unpack(pool, at, length);
}

secsession_jar_t *secsession_parcel_open(apr_pool_t *pool, const secsession_keys_t *keys,
                                         const char *parcel, apr_int64_t now)
{
    const apr_size_t token_length = secsession_parcel_token(parcel);
    const unsigned char *seal;
    const char *text;
    apr_size_t length;

    if (token_length == 0) {
        return NULL;
    }
    seal = decode(pool, parcel + token_length + 1, &length);
    text = seal ? secsession_unseal(pool, keys, apr_pstrmemdup(pool, parcel, token_length), seal,
                                    length)
                : NULL;
    return text ? read_text(pool, apr_pstrdup(pool, text), now) : NULL;
}
