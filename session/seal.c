/* Reading a file of keys, sealing, and opening. */
#include "session/seal.h"

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define KEY_BYTES 32
#define KEY_CHARS 44 /* base64 of 32 bytes */
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define FILE_BYTES 65536

struct secsession_keys_t {
    unsigned char first;
    unsigned char is_known[256];
    unsigned char keys[256][KEY_BYTES];
};

/* --- keys ------------------------------------------------------------------------------------ */

/* EVP_DecodeBlock would take "=" for a digit, and 31 bytes for a key. */
static int read_key(const char *text, unsigned char key[KEY_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char decoded[KEY_CHARS / 4 * 3];
    int ok = strspn(text, digits) == KEY_CHARS - 1 && strcmp(text + KEY_CHARS - 1, "=") == 0
             && EVP_DecodeBlock(decoded, (const unsigned char *)text, KEY_CHARS) == sizeof(decoded);

    if (ok) {
        memcpy(key, decoded, KEY_BYTES);
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

static apr_status_t forget_keys(void *keys)
{
    OPENSSL_cleanse(keys, sizeof(secsession_keys_t));
    return APR_SUCCESS;
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
    secsession_keys_t *keys = apr_pcalloc(pool, sizeof(*keys));
    const char *error = read_text(pool, path, text);
    int number = 0;

    apr_pool_cleanup_register(pool, keys, forget_keys, apr_pool_cleanup_null);
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

/* --- seals ----------------------------------------------------------------------------------- */

static int encrypt(EVP_CIPHER_CTX *context, const unsigned char *key, const char *place,
                   const char *text, unsigned char *nonce)
{
    unsigned char *out = nonce + NONCE_BYTES;
    int length, bytes = (int)strlen(text);

    return RAND_bytes(nonce, NONCE_BYTES) == 1
           && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1
           && EVP_EncryptUpdate(context, NULL, &length, (const unsigned char *)place,
                                (int)strlen(place))
                  == 1
           && EVP_EncryptUpdate(context, out, &length, (const unsigned char *)text, bytes) == 1
           && EVP_EncryptFinal_ex(context, out + length, &length) == 1
           && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + bytes) == 1;
}

apr_status_t secsession_seal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                             const char *text, const unsigned char **seal, apr_size_t *length)
{
    apr_size_t bytes = strlen(text);
    unsigned char *made = apr_palloc(pool, bytes + SECSESSION_SEAL_OVERHEAD);
    EVP_CIPHER_CTX *context;
    int ok;

    *seal = made;
    if (keys == NULL) {
        made[0] = 0;
        memcpy(made + 1, text, bytes);
        *length = bytes + 1;
        return APR_SUCCESS;
    }
    context = EVP_CIPHER_CTX_new();
    made[0] = keys->first;
    ok = context && encrypt(context, keys->keys[keys->first], place, text, made + 1);
    EVP_CIPHER_CTX_free(context);
    *length = bytes + SECSESSION_SEAL_OVERHEAD;
    return ok ? APR_SUCCESS : APR_EGENERAL;
}

static int decrypt(EVP_CIPHER_CTX *context, const unsigned char *key, const char *place,
                   const unsigned char *nonce, int bytes, char *text)
{
    const unsigned char *in = nonce + NONCE_BYTES;
    unsigned char tag[TAG_BYTES];
    int length;

    memcpy(tag, in + bytes, TAG_BYTES);
    return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1
           && EVP_DecryptUpdate(context, NULL, &length, (const unsigned char *)place,
                                (int)strlen(place))
                  == 1
           && EVP_DecryptUpdate(context, (unsigned char *)text, &length, in, bytes) == 1
           && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1
           && EVP_DecryptFinal_ex(context, (unsigned char *)text + length, &length) == 1;
}

const char *secsession_unseal(apr_pool_t *pool, const secsession_keys_t *keys, const char *place,
                              const unsigned char *seal, apr_size_t length)
{
    EVP_CIPHER_CTX *context;
    char *text;
    int ok;

    /* With keys, what is not sealed was not written by a server that has them. */
    if (length < 1 || (seal[0] == 0) != (keys == NULL)) {
        return NULL;
    }
    if (keys == NULL) {
        return apr_pstrmemdup(pool, (const char *)seal + 1, length - 1);
    }
    if (length < SECSESSION_SEAL_OVERHEAD || !keys->is_known[seal[0]]) {
        return NULL;
    }
    length -= SECSESSION_SEAL_OVERHEAD;
    text = apr_pcalloc(pool, length + 1);
    context = EVP_CIPHER_CTX_new();
    ok = context && decrypt(context, keys->keys[seal[0]], place, seal + 1, (int)length, text);
    EVP_CIPHER_CTX_free(context);
    return ok ? text : NULL;
}
