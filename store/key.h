/* The names of sessions and users in the messages that PostgreSQL sends
 * (store/sql/230-tell-servers.sql): 64 bits. Where two share a key, both are asked for again.
 */
#ifndef SECSESSION_KEY_H
#define SECSESSION_KEY_H

#include <apr.h>

typedef apr_uint64_t secsession_key_t;

/* The first 16 hexadecimal digits of a session's id. */
secsession_key_t secsession_key_of_session(const char *id);

/* The first 64 bits of the SHA-256 of a user's name, in whatever realm. Whether libcrypto
 * succeeded. */
int secsession_key_of_user(const char *user, secsession_key_t *key);

#endif
