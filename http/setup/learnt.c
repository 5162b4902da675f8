/* A set of hashes in shared memory, to which is added without locks. */
#include "http/setup/learnt.h"

#include <apr_lib.h>
#include <apr_shm.h>
#include <http_log.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

APLOG_USE_MODULE(secsession);

#define PLACES 8192
#define MOST_TRIES 64

typedef struct {
    atomic_int is_full;
    atomic_ullong keys[PLACES]; /* 0: free */
} set_t;

static set_t *set;

int secsession_learnt_create(apr_pool_t *pool, server_rec *server)
{
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(&memory, sizeof(*set), NULL, pool);

    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, status, server,
                     "SS315: there is no shared memory for the names of cookies that "
                     "SecSessionVault httponly learns");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    set = apr_shm_baseaddr_get(memory); /* anonymous memory is all zero */
    return OK;
}

/* PHP puts "_" in the place of these. */
static unsigned char plain(char c)
{
    return strchr(". [+", c) && c ? '_' : (unsigned char)apr_tolower(c);
}

static unsigned long long mix(unsigned long long mark, unsigned char byte)
{
    return (mark ^ byte) * 1099511628211ULL; /* FNV-1a */
}

static unsigned long long key_of(secsession_learnt_t what, const void *where, const char *name,
                                 apr_size_t length)
{
    unsigned long long mark = mix(14695981039346656037ULL, (unsigned char)what);

    for (apr_size_t i = 0; i < sizeof(where); i++) {
        mark = mix(mark, (unsigned char)((uintptr_t)where >> 8 * i));
    }
    for (apr_size_t i = 0; i < length; i++) {
        mark = mix(mark, plain(name[i]));
    }
    return mark ? mark : 1;
}

void secsession_learnt_note(secsession_learnt_t what, const void *where, const char *name,
                            apr_size_t length)
{
    const unsigned long long key = key_of(what, where, name, length);

    for (int i = 0; i < MOST_TRIES; i++) {
        atomic_ullong *place = &set->keys[(key + (unsigned)i) % PLACES];
        unsigned long long there = atomic_load(place);

        if (there == key || (there == 0 && atomic_compare_exchange_strong(place, &there, key))
            || there == key) {
            return;
        }
    }
    atomic_store(&set->is_full, 1);
}

int secsession_learnt_is(secsession_learnt_t what, const void *where, const char *name)
{
    const unsigned long long key = key_of(what, where, name, strlen(name));

    for (int i = 0; i < MOST_TRIES; i++) {
        const unsigned long long there = atomic_load(&set->keys[(key + (unsigned)i) % PLACES]);

        if (there == key) {
            return 1;
        }
        if (there == 0) {
            break;
        }
    }
    return what == SECSESSION_LEARNT_HIDDEN && atomic_load(&set->is_full);
}

int secsession_learnt_is_same(const char *a, const char *b)
{
    while (*a && plain(*a) == plain(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}
