/* Who sends a request, as bytes of which no two senders have the same, and MACs of them. */
#include "session/credential.h"

#include <apr_errno.h>
#include <string.h>

#include "session/mac.h"

#define MOST_KEYS 255

_Static_assert(SECSESSION_MAC_BYTES == SECSESSION_HASH_BYTES, "a MAC stands where a hash stands");

/* Texts with their NULs behind some bytes of a length that is always the same, so that one text
 * cannot go on in the next. */
static const unsigned char *join(apr_pool_t *pool, const secsession_address_t *first,
                                 const char *const *texts, int count, apr_size_t *length)
{
    unsigned char *bytes, *at;

    *length = sizeof(first->bytes);
    for (int i = 0; i < count; i++) {
        *length += strlen(texts[i]) + 1;
    }
    at = bytes = apr_palloc(pool, *length);
    memcpy(at, first->bytes, sizeof(first->bytes));
    at += sizeof(first->bytes);
    for (int i = 0; i < count; i++) {
        apr_size_t size = strlen(texts[i]) + 1;

        memcpy(at, texts[i], size);
        at += size;
    }
    return bytes;
}

apr_status_t secsession_credential_client(apr_pool_t *pool, const secsession_keys_t *keys,
                                          const secsession_sender_t *sender,
                                          secsession_hash_t *client)
{
    const char *const texts[] = { "client",
                                  sender->realm,
                                  sender->user,
                                  sender->method,
                                  sender->agent ? sender->agent : "",
                                  sender->certificate ? sender->certificate : "" };
    const unsigned char *key = secsession_keys_find(keys, secsession_keys_first(keys));
    apr_size_t length;
    const unsigned char *bytes = join(pool, &sender->network, texts,
                                      sizeof(texts) / sizeof(texts[0]), &length);

    return secsession_mac(key, bytes, length, client->bytes);
}

const apr_array_header_t *secsession_credential_hashes(apr_pool_t *pool,
                                                       const secsession_keys_t *keys,
                                                       const secsession_sender_t *sender,
                                                       const char *record)
{
    static const secsession_address_t anywhere;
    const char *const texts[] = { "credential",   sender->realm,      sender->user,
                                  sender->method, record ? "1" : "0", record ? record : "" };
    apr_array_header_t *hashes = apr_array_make(pool, 1, sizeof(secsession_hash_t));
    unsigned char first = secsession_keys_first(keys);
    apr_size_t length;
    const unsigned char *bytes = join(pool, &anywhere, texts, sizeof(texts) / sizeof(texts[0]),
                                      &length);

    for (int i = 0; i <= MOST_KEYS; i++) {
        const unsigned char *key = secsession_keys_find(keys, i ? (unsigned char)i : first);
        int is_next = key && i != first;

        if (is_next
            && secsession_mac(key, bytes, length,
                              ((secsession_hash_t *)apr_array_push(hashes))->bytes)
                   != APR_SUCCESS) {
            return NULL;
        }
    }
    return hashes;
}
