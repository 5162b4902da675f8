/* The table of sessions: sets of 16 slots. A token may be in either of two sets, and goes to the
 * emptier one, so that few sets are ever too full (Azar, Broder, Karlin, Upfal, "Balanced
 * allocations", 1994). */
#include "store/cache.h"

#include <apr_shm.h>
#include <string.h>

#include "session/policy.h"
#include "store/slot.h"

#define WAYS 16
#define CHOICES 2
/* Slots for 100 sessions: the sets fill by chance. */
#define ROOM 115
#define LINE 64 /* bytes of a cache line */

struct secsession_cache_t {
    _Atomic apr_time_t lease_until;
    _Atomic secsession_generation_t generation;
    _Atomic secsession_generation_t floor_of_all;
    apr_size_t sets;
    unsigned int floor_bits;
    _Atomic secsession_generation_t *floors; /* of sessions and users, by their keys */
    _Atomic apr_uint32_t *tags;              /* of each slot: 32 bits of its token; 0: empty */
    secsession_slot_t *slots;
};

static unsigned int bits_for(apr_size_t count)
{
    unsigned int bits = 1;

    while (((apr_size_t)1 << bits) < count) {
        bits++;
    }
    return bits;
}

apr_status_t secsession_cache_create(secsession_cache_t **cache, apr_pool_t *pool,
                                     apr_size_t sessions)
{
    apr_size_t sets = (sessions * ROOM / 100 + WAYS - 1) / WAYS;
    unsigned int bits = bits_for(sessions / 2);
    apr_size_t floors = sizeof(*(*cache)->floors) << bits;
    apr_size_t tags = sets * WAYS * sizeof(*(*cache)->tags);
    /* The slots come first: each begins with a cache line. */
    apr_size_t slots = sets * WAYS * sizeof(secsession_slot_t);
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(&memory, slots + floors + tags + sizeof(**cache) + LINE,
                                         NULL, pool);
    char *base;

    if (status == APR_SUCCESS) {
        base = apr_shm_baseaddr_get(memory); /* anonymous memory is all zero */
        base += LINE - (apr_uintptr_t)base % LINE;
        *cache = (void *)(base + slots + floors + tags);
        (*cache)->sets = sets;
        (*cache)->floor_bits = bits;
        (*cache)->slots = (void *)base;
        (*cache)->floors = (void *)(base + slots);
        (*cache)->tags = (void *)(base + slots + floors);
        /* So that nothing is believed of the slots that are empty. */
        (*cache)->generation = (*cache)->floor_of_all = 1;
    }
    return status;
}

/* --- what is believed ------------------------------------------------------------------------ */

static void raise_to(_Atomic secsession_generation_t *floor, secsession_generation_t generation)
{
    secsession_generation_t before = atomic_load(floor);

    while (before < generation && !atomic_compare_exchange_weak(floor, &before, generation)) {
    }
}

/* Fibonacci hashing (Knuth, TAOCP 6.4): some bits of a UUID are always the same. */
static _Atomic secsession_generation_t *floor_of(secsession_cache_t *cache, secsession_key_t key)
{
    return &cache->floors[(key * 0x9E3779B97F4A7C15u) >> (64 - cache->floor_bits)];
}

static int is_unchanged(secsession_cache_t *cache, const secsession_entry_t *entry)
{
    return entry->generation >= atomic_load(floor_of(cache, entry->session_key))
           && entry->generation >= atomic_load(floor_of(cache, entry->user_key));
}

static int is_believed(secsession_cache_t *cache, const secsession_entry_t *entry)
{
    return entry->generation >= atomic_load(&cache->floor_of_all) && is_unchanged(cache, entry);
}

int secsession_cache_is_unchanged(secsession_cache_t *cache, secsession_generation_t generation,
                                  secsession_key_t session, secsession_key_t user)
{
    const secsession_entry_t entry = { .generation = generation,
                                       .session_key = session,
                                       .user_key = user };

    return is_believed(cache, &entry);
}

apr_time_t secsession_cache_lease(secsession_cache_t *cache)
{
    return atomic_load(&cache->lease_until);
}

secsession_generation_t secsession_cache_generation(secsession_cache_t *cache)
{
    return atomic_load(&cache->generation);
}

void secsession_cache_invalidate(secsession_cache_t *cache, secsession_key_t key)
{
    raise_to(floor_of(cache, key), atomic_fetch_add(&cache->generation, 1) + 1);
}

void secsession_cache_invalidate_all(secsession_cache_t *cache)
{
    raise_to(&cache->floor_of_all, atomic_fetch_add(&cache->generation, 1) + 1);
}

void secsession_cache_extend_lease(secsession_cache_t *cache, apr_time_t until)
{
    if (until > atomic_load(&cache->lease_until)) {
        atomic_store(&cache->lease_until, until);
    }
}

/* --- slots ----------------------------------------------------------------------------------- */

/* Where a token may be: its tag, and the first slots of its sets. */
typedef struct {
    apr_uint32_t tag;
    apr_size_t first[CHOICES];
} place_t;

static place_t place_of(const secsession_cache_t *cache, const secsession_hash_t *token)
{
    apr_uint32_t numbers[1 + CHOICES];
    place_t place;

    memcpy(numbers, token->bytes, sizeof(numbers));
    place.tag = numbers[0] | (numbers[0] == 0);
    for (int i = 0; i < CHOICES; i++) {
        place.first[i] = (apr_size_t)(((apr_uint64_t)numbers[1 + i] * cache->sets) >> 32) * WAYS;
    }
    return place;
}

/* The slot that holds a token, with a copy of it; NULL if none does. */
static secsession_slot_t *find_slot(secsession_cache_t *cache, const secsession_hash_t *token,
                                    secsession_copy_t *copy)
{
    place_t place = place_of(cache, token);

    for (int way = 0; way < CHOICES * WAYS; way++) {
        apr_size_t i = place.first[way / WAYS] + (apr_size_t)(way % WAYS);

        if (atomic_load_explicit(&cache->tags[i], memory_order_relaxed) == place.tag
            && secsession_slot_read(&cache->slots[i], copy)
            && memcmp(copy->entry.token, token->bytes, SECSESSION_HASH_BYTES) == 0) {
            return &cache->slots[i];
        }
    }
    return NULL;
}

void secsession_cache_invalidate_token(secsession_cache_t *cache, const secsession_hash_t *token)
{
    secsession_copy_t copy;

    if (find_slot(cache, token, &copy)) {
        secsession_cache_invalidate(cache, copy.entry.session_key);
    }
}

/* The idle timeout that a visit is under, in seconds. */
static int idle_of(const secsession_session_t *session, const secsession_visit_t *visit)
{
    int own = session->limits.idle, location = visit->limits.idle;

    return location > 0 && location < own ? location : own;
}

/* Moves the last use on, but not more often than could matter: all processors share the line. Where
 * another was faster, it was a use at the same moment, or the slot has another session now. */
static void note_use(secsession_slot_t *slot, const secsession_copy_t *copy, apr_time_t now,
                     int idle)
{
    apr_int64_t seen = copy->seen;

    if (idle < copy->idle) {
        atomic_store_explicit(&slot->idle, idle, memory_order_relaxed);
    }
    if (now - seen > secsession_use_fine(idle)) {
        atomic_compare_exchange_strong(&slot->seen, &seen, now);
    }
}

static int is_under_lease(secsession_cache_t *cache, apr_time_t now, apr_interval_time_t stale)
{
    apr_time_t until = atomic_load(&cache->lease_until);

    return until != 0 && now < until + stale;
}

const secsession_session_t *secsession_cache_find(secsession_cache_t *cache, apr_pool_t *pool,
                                                  const secsession_hash_t *token, const char *realm,
                                                  const secsession_visit_t *visit, apr_time_t now,
                                                  apr_interval_time_t stale)
{
    const secsession_session_t *session;
    secsession_copy_t copy;
    secsession_slot_t *slot;

    if (!is_under_lease(cache, now, stale)) {
        return NULL;
    }
    slot = find_slot(cache, token, &copy);
    if (slot == NULL || !is_believed(cache, &copy.entry)) {
        return NULL;
    }
    /* When the database may take it for idle, it is asked, and says the same to all servers. */
    if (now >= copy.entry.ends || (copy.entry.recheck && now >= copy.entry.recheck)
        || now - copy.known >= apr_time_from_sec(copy.entry.limits.idle)) {
        return NULL;
    }
    session = secsession_entry_session(pool, &copy.entry, copy.seen, now);
    if (strcmp(secsession_entry_realm(&copy.entry), realm) != 0
        || secsession_policy_check(session, &visit->limits) != SECSESSION_LIVE) {
        return NULL;
    }
    if (!visit->is_polling) {
        note_use(slot, &copy, now, idle_of(session, visit));
    }
    return session;
}

int secsession_cache_use(secsession_cache_t *cache, const secsession_hash_t *token, int idle,
                         apr_time_t now)
{
    secsession_copy_t copy;
    secsession_slot_t *slot = is_under_lease(cache, now, 0) ? find_slot(cache, token, &copy) : NULL;

    if (slot == NULL || !is_believed(cache, &copy.entry)) {
        return 0;
    }
    note_use(slot, &copy, now, idle);
    return 1;
}

/* --- filling --------------------------------------------------------------------------------- */

/* The best slot of one set, and how many of it hold nothing that is believed. */
typedef struct {
    secsession_slot_t *slot;
    secsession_copy_t old; /* seen is 0 where it is not believed */
    int is_own;
    int free;
} choice_t;

static choice_t choose_in(secsession_cache_t *cache, apr_size_t first,
                          const secsession_hash_t *token)
{
    choice_t best = { .slot = NULL };
    secsession_copy_t copy;

    for (apr_size_t i = first; i < first + WAYS && !best.is_own; i++) {
        if (!secsession_slot_read(&cache->slots[i], &copy)) {
            continue;
        }
        best.is_own = memcmp(copy.entry.token, token->bytes, SECSESSION_HASH_BYTES) == 0;
        if (!is_believed(cache, &copy.entry)) {
            copy.seen = 0;
            best.free++;
        }
        if (best.slot == NULL || best.is_own || copy.seen < best.old.seen) {
            best.slot = &cache->slots[i];
            best.old = copy;
        }
    }
    return best;
}

/* Which slot a token shall have: its own; else a free one of the emptier set; else the one whose
 * session was used least recently, since that is the least likely to be asked for next. No slot if
 * every one is being written. */
static choice_t choose(secsession_cache_t *cache, const secsession_hash_t *token)
{
    place_t place = place_of(cache, token);
    choice_t best = choose_in(cache, place.first[0], token);

    for (int i = 1; i < CHOICES && !best.is_own; i++) {
        choice_t other = choose_in(cache, place.first[i], token);

        if (best.slot == NULL || other.is_own || other.free > best.free
            || (other.slot && other.free == 0 && best.free == 0
                && other.old.seen < best.old.seen)) {
            best = other;
        }
    }
    return best;
}

int secsession_cache_put(secsession_cache_t *cache, const secsession_hash_t *token,
                         const char *realm, const secsession_session_t *session,
                         const secsession_visit_t *visit, apr_time_t asked,
                         secsession_generation_t generation)
{
    secsession_copy_t copy;
    choice_t choice;

    if (!secsession_entry_from(&copy.entry, token, realm, session, asked)) {
        return 0;
    }
    copy.entry.generation = generation;
    copy.idle = session->limits.idle;
    copy.seen = copy.known = asked - apr_time_from_msec(session->idle_ms);
    if (!visit->is_polling && secsession_policy_check(session, &visit->limits) == SECSESSION_LIVE) {
        copy.seen = asked;
        copy.idle = idle_of(session, visit);
        if (secsession_use_is_due(copy.seen - copy.known, copy.idle, SECSESSION_SHARE_OF_IDLE)) {
            copy.known = asked; /* lookup() has just written it */
        }
    }
    choice = choose(cache, token);
    if (choice.is_own && choice.old.seen > copy.seen) {
        copy.seen = choice.old.seen; /* used while the database was being asked */
    }
    if (choice.is_own && choice.old.idle < copy.idle) {
        copy.idle = choice.old.idle;
    }
    if (choice.slot == NULL || !secsession_slot_write(choice.slot, &copy)) {
        return 0;
    }
    atomic_store_explicit(&cache->tags[choice.slot - cache->slots], place_of(cache, token).tag,
                          memory_order_release);
    return !choice.is_own && choice.free == 0;
}

/* --- uses ------------------------------------------------------------------------------------ */

/* A session that was changed since is none of ours to tell of. */
static int is_due(secsession_cache_t *cache, secsession_slot_t *slot, apr_time_t now,
                  double share_of_idle, secsession_use_t *use)
{
    apr_interval_time_t unknown = atomic_load_explicit(&slot->seen, memory_order_relaxed)
                                  - atomic_load_explicit(&slot->known, memory_order_relaxed);
    secsession_copy_t copy;

    if (unknown < APR_USEC_PER_SEC || !secsession_slot_read(slot, &copy)
        || copy.seen - copy.known < APR_USEC_PER_SEC
        || !secsession_use_is_due(now - copy.known, copy.idle, share_of_idle)
        || !is_unchanged(cache, &copy.entry)) {
        return 0;
    }
    secsession_entry_id(&copy.entry, use->id);
    use->seen = copy.seen;
    use->known = copy.known;
    use->is_early = !secsession_use_is_due(now - copy.known, copy.entry.limits.idle, share_of_idle);
    return 1;
}

apr_size_t secsession_cache_uses(secsession_cache_t *cache, apr_time_t now, double share_of_idle,
                                 secsession_use_t *uses, apr_size_t max, apr_size_t *cursor)
{
    apr_size_t slots = cache->sets * WAYS, found = 0;

    for (apr_size_t i = 0; i < slots && found < max; i++) {
        apr_size_t at = (*cursor)++ % slots;

        if (atomic_load_explicit(&cache->tags[at], memory_order_relaxed) != 0
            && is_due(cache, &cache->slots[at], now, share_of_idle, &uses[found])) {
            uses[found++].slot = at;
        }
    }
    return found;
}

/* The slot may hold another session by now: its times are others then. */
void secsession_cache_uses_known(secsession_cache_t *cache, const secsession_use_t *uses,
                                 apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        apr_int64_t before = uses[i].known;

        atomic_compare_exchange_strong(&cache->slots[uses[i].slot].known, &before, uses[i].seen);
    }
}
