/* Reading a file of keys, and deriving keys from them. */
#include "session/keys.h"

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#define KEY_CHARS 44 /* base64 of 32 bytes */
#define FILE_BYTES 65536

struct secsession_keys_t {
    unsigned char first;
    unsigned char is_known[256];
    unsigned char keys[256][SECSESSION_KEY_BYTES];
};

static apr_status_t forget_keys(void *keys)
{
    OPENSSL_cleanse(keys, sizeof(secsession_keys_t));
    return APR_SUCCESS;
}

static secsession_keys_t *make_keys(apr_pool_t *pool)
{
    secsession_keys_t *keys = apr_pcalloc(pool, sizeof(*keys));

    apr_pool_cleanup_register(pool, keys, forget_keys, apr_pool_cleanup_null);
    return keys;
}

unsigned char secsession_keys_first(const secsession_keys_t *keys)
{
    return keys->first;
}

const unsigned char *secsession_keys_find(const secsession_keys_t *keys, unsigned char number)
{
    return keys->is_known[number] ? keys->keys[number] : NULL;
}

secsession_keys_t *secsession_keys_of(apr_pool_t *pool,
                                      const unsigned char key[SECSESSION_KEY_BYTES])
{
    secsession_keys_t *keys = make_keys(pool);

    keys->first = 1;
    keys->is_known[1] = 1;
    memcpy(keys->keys[1], key, SECSESSION_KEY_BYTES);
    return keys;
}

/* --- the file -------------------------------------------------------------------------------- */

/* EVP_DecodeBlock would take "=" for a digit, and 31 bytes for a key. */
static int read_key(const char *text, unsigned char key[SECSESSION_KEY_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char decoded[KEY_CHARS / 4 * 3];
    int ok = strspn(text, digits) == KEY_CHARS - 1 && strcmp(text + KEY_CHARS - 1, "=") == 0
             && EVP_DecodeBlock(decoded, (const unsigned char *)text, KEY_CHARS) == sizeof(decoded);

    if (ok) {
        memcpy(key, decoded, SECSESSION_KEY_BYTES);
    }
    OPENSSL_cleanse(decoded, sizeof(decoded));
    return ok;
}

/* One line without its comment: whether it is empty, or a key that is new. */
static int read_line(char *line, secsession_keys_t *keys)
{
    char *state, *number = apr_strtok(line, " \t\r", &state);
    char *key = number ? apr_strtok(NULL, " \t\r", &state) : NULL;
    apr_int64_t n;

    if (number == NULL) {
        return 1;
    }
    n = strspn(number, "0123456789") == strlen(number) && strlen(number) <= 3 ? apr_atoi64(number)
                                                                              : 0;
    if (n < 1 || n > 255 || key == NULL || apr_strtok(NULL, " \t\r", &state) || keys->is_known[n]
        || !read_key(key, keys->keys[n])) {
        return 0;
    }
    keys->is_known[n] = 1;
    keys->first = keys->first ? keys->first : (unsigned char)n;
    return 1;
}

/* Reads the file into `text`, which has room for FILE_BYTES and two more. Returns what is wrong, or
 * NULL. */
static const char *read_text(apr_pool_t *pool, const char *path, char *text)
{
    apr_size_t length = 0;
    char reason[120];
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pool);

    if (status == APR_SUCCESS) {
        status = apr_file_read_full(file, text, FILE_BYTES + 1, &length);
        apr_file_close(file);
        status = status == APR_EOF ? APR_SUCCESS : status;
    }
    text[length] = '\0';
    if (status != APR_SUCCESS) {
        return apr_psprintf(pool, "%s cannot be read: %s", path,
                            apr_strerror(status, reason, sizeof(reason)));
    }
    /* What is not read must not be missed when something is to be opened. */
    if (length > FILE_BYTES || strlen(text) != length) {
        return apr_psprintf(pool, "%s is no text of at most %d bytes", path, FILE_BYTES);
    }
    return NULL;
}

const char *secsession_keys_read(apr_pool_t *pool, const char *path, secsession_keys_t **result)
{
    char *text = apr_palloc(pool, FILE_BYTES + 2);
    secsession_keys_t *keys = make_keys(pool);
    const char *error = read_text(pool, path, text);
    int number = 0;

    for (char *line = text, *next; line && error == NULL; line = next) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        number++;
        line[strcspn(line, "#")] = '\0';
        if (!read_line(line, keys)) {
            error = apr_psprintf(pool,
                                 "line %d of %s is not NUMBER (1 to 255, each once) and 32 bytes "
                                 "in base64, as of: openssl rand -base64 32",
                                 number, path);
        }
    }
    OPENSSL_cleanse(text, FILE_BYTES + 2);
    if (error == NULL && keys->first == 0) {
        error = apr_psprintf(pool, "%s has no key", path);
    }
    *result = keys;
    return error;
}

/* --- HKDF ------------------------------------------------------------------------------------ */

static int derive(EVP_KDF_CTX *context, const unsigned char *key, const char *purpose,
                  apr_size_t length, unsigned char *derived)
{
    char digest[] = "SHA256";
    unsigned char info[SECSESSION_PURPOSE_BYTES], secret[SECSESSION_KEY_BYTES];
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof(secret)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, length),
        OSSL_PARAM_construct_end(),
    };
    int ok;

    memcpy(info, purpose, length);
    memcpy(secret, key, sizeof(secret));
    ok = EVP_KDF_derive(context, derived, SECSESSION_KEY_BYTES, parameters) == 1;
    OPENSSL_cleanse(secret, sizeof(secret));
    return ok;
}

secsession_keys_t *secsession_keys_derive(apr_pool_t *pool, const secsession_keys_t *keys,
                                          const char *purpose)
{
    secsession_keys_t *derived = make_keys(pool);
    EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
    apr_size_t length = strlen(purpose);
    int ok = context != NULL && length <= SECSESSION_PURPOSE_BYTES;

    derived->first = keys->first;
    memcpy(derived->is_known, keys->is_known, sizeof(derived->is_known));
    for (int n = 1; ok && n < 256; n++) {
        ok = !keys->is_known[n]
             || derive(context, keys->keys[n], purpose, length, derived->keys[n]);
    }
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(hkdf);
    return ok ? derived : NULL;
}
