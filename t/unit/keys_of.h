/* Keys for the unit tests: a file of this text is written, read, and removed. Every test is linked
 * with session/.
 */
#ifndef SECSESSION_KEYS_OF_H
#define SECSESSION_KEYS_OF_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/keys.h"

/* What secsession_keys_read() says of a file of these bytes. */
static inline const char *read_keys(apr_pool_t *pool, const char *bytes, apr_size_t length,
                                    secsession_keys_t **keys)
{
    char name[] = "/tmp/secsession-keys-XXXXXX";
    int file = mkstemp(name);
    const char *error;

    assert_int_equal(write(file, bytes, length), length);
    close(file);
    error = secsession_keys_read(pool, name, keys);
    unlink(name);
    return error;
}

/* The keys of a file with this text, which must be right. */
static inline secsession_keys_t *keys_of(apr_pool_t *pool, const char *text)
{
    secsession_keys_t *keys;
    const char *error = read_keys(pool, text, strlen(text), &keys);

    if (error) {
        fail_msg("%s", error);
    }
    return keys;
}

#endif
