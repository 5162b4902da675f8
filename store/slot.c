/* See slot.h. */
#include "store/slot.h"

#include <string.h>

_Static_assert(sizeof(secsession_entry_t) % sizeof(apr_uint64_t) == 0, "an entry is whole words");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock of libatomic would be one process's own");
_Static_assert(sizeof(secsession_slot_t) == 256, "a slot is four cache lines");

int secsession_slot_read(secsession_slot_t *slot, secsession_copy_t *copy)
{
    apr_uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    apr_uint64_t words[SECSESSION_ENTRY_WORDS];

    if (sequence & 1) {
        return 0;
    }
    for (apr_size_t i = 0; i < SECSESSION_ENTRY_WORDS; i++) {
        words[i] = atomic_load_explicit(&slot->words[i], memory_order_relaxed);
    }
    copy->seen = atomic_load_explicit(&slot->seen, memory_order_relaxed);
    copy->known = atomic_load_explicit(&slot->known, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    memcpy(&copy->entry, words, sizeof(copy->entry));
    return atomic_load_explicit(&slot->sequence, memory_order_relaxed) == sequence;
}

int secsession_slot_write(secsession_slot_t *slot, const secsession_copy_t *copy)
{
    apr_uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    apr_uint64_t words[SECSESSION_ENTRY_WORDS];

    if ((sequence & 1)
        || !atomic_compare_exchange_strong_explicit(&slot->sequence, &sequence, sequence + 1,
                                                    memory_order_acquire, memory_order_relaxed)) {
        return 0;
    }
    atomic_thread_fence(memory_order_release);
    memcpy(words, &copy->entry, sizeof(copy->entry));
    for (apr_size_t i = 0; i < SECSESSION_ENTRY_WORDS; i++) {
        atomic_store_explicit(&slot->words[i], words[i], memory_order_relaxed);
    }
    atomic_store_explicit(&slot->seen, copy->seen, memory_order_relaxed);
    atomic_store_explicit(&slot->known, copy->known, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, sequence + 2, memory_order_release);
    return 1;
}
