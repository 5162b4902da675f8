/* The table of vaults: sets of 8 places, of which the id of a session chooses one. */
#include "store/jars.h"

#include <apr_shm.h>
#include <apr_strings.h>
#include <apr_uuid.h>
#include <stddef.h>
#include <string.h>

#include "store/key.h"
#include "store/sequence.h"

#define WAYS 8

typedef struct {
    unsigned char id[16];
    apr_uint32_t version; /* 0: nothing is kept here */
    apr_uint32_t length;
    apr_uint64_t order; /* of filling, in the whole table */
    char bytes[SECSESSION_JARS_BYTES];
} jar_t;

#define HEAD_WORDS (offsetof(jar_t, bytes) / sizeof(apr_uint64_t))
#define WORDS (sizeof(jar_t) / sizeof(apr_uint64_t))

typedef struct {
    secsession_sequence_t sequence;
    secsession_word_t words[WORDS];
} place_t;

_Static_assert(sizeof(jar_t) % sizeof(apr_uint64_t) == 0, "a jar is whole words");
_Static_assert(sizeof(place_t) <= 1024, "a place is 1 KiB");

struct secsession_jars_t {
    secsession_word_t order;
    apr_size_t sets;
    place_t places[];
};

apr_status_t secsession_jars_create(secsession_jars_t **jars, apr_pool_t *pool, apr_size_t count)
{
    apr_size_t sets = (count + WAYS - 1) / WAYS;
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(&memory, sizeof(**jars) + sets * WAYS * sizeof(place_t),
                                         NULL, pool);

    if (status == APR_SUCCESS) {
        *jars = apr_shm_baseaddr_get(memory); /* anonymous memory is all zero */
        (*jars)->sets = sets;
    }
    return status;
}

static place_t *set_of(secsession_jars_t *jars, const char *session_id)
{
    secsession_key_t key = secsession_key_of_session(session_id) * 0x9E3779B97F4A7C15u;

    return &jars->places[(key >> 32) % jars->sets * WAYS];
}

/* Reads `count` words of a place. Whether nobody was writing. */
static int read_place(place_t *place, jar_t *jar, apr_size_t count)
{
    apr_uint64_t words[WORDS];
    apr_uint32_t before;

    if (!secsession_sequence_read(&place->sequence, &before)) {
        return 0;
    }
    secsession_words_load(words, place->words, count);
    memcpy(jar, words, count * sizeof(*words));
    return secsession_sequence_is_same(&place->sequence, before);
}

static int is_of(const jar_t *jar, const apr_uuid_t *id)
{
    return memcmp(jar->id, id->data, sizeof(jar->id)) == 0;
}

const char *secsession_jars_find(secsession_jars_t *jars, apr_pool_t *pool, const char *session_id,
                                 apr_uint32_t version, apr_size_t *length)
{
    place_t *set = set_of(jars, session_id);
    apr_uuid_t id;
    jar_t jar;

    if (apr_uuid_parse(&id, session_id) != APR_SUCCESS) {
        return NULL;
    }
    for (int way = 0; way < WAYS; way++) {
        if (read_place(&set[way], &jar, HEAD_WORDS) && jar.version == version && is_of(&jar, &id)
            && read_place(&set[way], &jar, WORDS) && jar.version == version && is_of(&jar, &id)) {
            *length = jar.length;
            return apr_pmemdup(pool, jar.bytes, jar.length + 1);
        }
    }
    return NULL;
}

void secsession_jars_put(secsession_jars_t *jars, const char *session_id, apr_uint32_t version,
                         const char *bytes, apr_size_t length)
{
    place_t *set = set_of(jars, session_id), *chosen = NULL;
    apr_uint64_t words[WORDS], oldest = 0;
    apr_uuid_t id;
    jar_t jar;

    if (length >= SECSESSION_JARS_BYTES || apr_uuid_parse(&id, session_id) != APR_SUCCESS) {
        return;
    }
    for (int way = 0; way < WAYS; way++) {
        if (!read_place(&set[way], &jar, HEAD_WORDS)) {
            continue;
        }
        if (is_of(&jar, &id) || jar.version == 0) {
            jar.order = 0;
        }
        if (chosen == NULL || jar.order < oldest) {
            chosen = &set[way];
            oldest = jar.order;
        }
    }
    if (chosen == NULL || !secsession_sequence_lock(&chosen->sequence)) {
        return;
    }
    memset(&jar, 0, sizeof(jar));
    memcpy(jar.id, id.data, sizeof(jar.id));
    jar.version = version;
    jar.length = (apr_uint32_t)length;
    jar.order = atomic_fetch_add(&jars->order, 1) + 1;
    memcpy(jar.bytes, bytes, length);
    memcpy(words, &jar, sizeof(jar));
    secsession_words_store(chosen->words, words, WORDS);
    secsession_sequence_unlock(&chosen->sequence);
}
