/* A session as an entry of the cache, and back. */
#include "store/entry.h"

#include <string.h>

#include "store/key.h"

/* The database then says whether the record of the user is to be looked at. */
#define RECHECK_AFTER apr_time_from_sec(60)

static const char *next_text(const char *text)
{
    return text + strlen(text) + 1;
}

/* Every request does this, so it does without apr_uuid_format, which is an apr_snprintf. */
char *secsession_entry_id(const secsession_entry_t *entry, char text[APR_UUID_FORMATTED_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = digits[entry->id.data[i] >> 4];
        *at++ = digits[entry->id.data[i] & 15];
    }
    *at = '\0';
    return text;
}

const secsession_session_t *secsession_entry_session(apr_pool_t *pool,
                                                     const secsession_entry_t *entry,
                                                     apr_time_t seen, apr_time_t now)
{
    secsession_session_t *session =
        apr_palloc(pool, sizeof(*session) + sizeof(entry->text) + APR_UUID_FORMATTED_LENGTH + 1);
    char *text = (char *)(session + 1);

    memcpy(text, entry->text, sizeof(entry->text));
    session->user = text;
    session->id = secsession_entry_id(entry, text + sizeof(entry->text));
    session->method = next_text(session->user);
    session->created_at = entry->created_at;
    session->authenticated_at = entry->authenticated_at;
    session->expires_at = entry->expires_at;
    session->idle_ms = now > seen ? (now - seen) / 1000 : 0;
    session->age_ms = (now - entry->authenticated) / 1000;
    session->left_ms = (entry->ends - now) / 1000;
    session->limits = entry->limits;
    session->cacheable = 1;
    session->vault_version = entry->vault_version;
    session->rotated_ms = (now - entry->rotated) / 1000;
    session->bound = entry->bound;
    session->persistent = entry->persistent;
    session->is_stamped = entry->recheck != 0;
    session->stamp = NULL;
    session->told = now;
    session->generation = entry->generation;
    session->mac = NULL;
    return session;
}

const char *secsession_entry_realm(const secsession_entry_t *entry)
{
    return next_text(next_text(entry->text));
}

/* Writes the three names one after the other. Whether they fit. */
static int write_text(secsession_entry_t *entry, const secsession_session_t *session,
                      const char *realm)
{
    const char *const names[] = { session->user, session->method, realm };
    apr_size_t used = 0;

    for (int i = 0; i < 3; i++) {
        apr_size_t size = strlen(names[i]) + 1;

        if (size > sizeof(entry->text) - used) {
            return 0;
        }
        memcpy(entry->text + used, names[i], size);
        used += size;
    }
    return 1;
}

int secsession_entry_from(secsession_entry_t *entry, const secsession_hash_t *token,
                          const char *realm, const secsession_session_t *session, apr_time_t asked)
{
    memset(entry, 0, sizeof(*entry));
    memcpy(entry->token, token->bytes, SECSESSION_HASH_BYTES);
    entry->session_key = secsession_key_of_session(session->id);
    entry->authenticated = asked - apr_time_from_msec(session->age_ms);
    entry->ends = asked + apr_time_from_msec(session->left_ms);
    entry->created_at = session->created_at;
    entry->authenticated_at = session->authenticated_at;
    entry->expires_at = session->expires_at;
    entry->limits = session->limits;
    entry->vault_version = session->vault_version;
    entry->rotated = asked - apr_time_from_msec(session->rotated_ms);
    entry->bound = session->bound;
    entry->persistent = session->persistent;
    entry->recheck = session->is_stamped ? asked + RECHECK_AFTER : 0;
    return apr_uuid_parse(&entry->id, session->id) == APR_SUCCESS
           && write_text(entry, session, realm)
           && secsession_key_of_user(session->user, &entry->user_key);
}
