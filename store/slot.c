/* Reading and writing one place of the cache whole. */
#include "store/slot.h"

#include <string.h>

_Static_assert(sizeof(secsession_entry_t) % sizeof(apr_uint64_t) == 0, "an entry is whole words");
_Static_assert(sizeof(secsession_slot_t) == 256, "a slot is four cache lines");

int secsession_slot_read(secsession_slot_t *slot, secsession_copy_t *copy)
{
    apr_uint64_t words[SECSESSION_ENTRY_WORDS];
    apr_uint32_t before;

    if (!secsession_sequence_read(&slot->sequence, &before)) {
        return 0;
    }
    secsession_words_load(words, slot->words, SECSESSION_ENTRY_WORDS);
    copy->idle = atomic_load_explicit(&slot->idle, memory_order_relaxed);
    copy->seen = atomic_load_explicit(&slot->seen, memory_order_relaxed);
    copy->known = atomic_load_explicit(&slot->known, memory_order_relaxed);
    memcpy(&copy->entry, words, sizeof(copy->entry));
    return secsession_sequence_is_same(&slot->sequence, before);
}

int secsession_slot_write(secsession_slot_t *slot, const secsession_copy_t *copy)
{
    apr_uint64_t words[SECSESSION_ENTRY_WORDS];

    if (!secsession_sequence_lock(&slot->sequence)) {
        return 0;
    }
    memcpy(words, &copy->entry, sizeof(copy->entry));
    secsession_words_store(slot->words, words, SECSESSION_ENTRY_WORDS);
    atomic_store_explicit(&slot->idle, copy->idle, memory_order_relaxed);
    atomic_store_explicit(&slot->seen, copy->seen, memory_order_relaxed);
    atomic_store_explicit(&slot->known, copy->known, memory_order_relaxed);
    secsession_sequence_unlock(&slot->sequence);
    return 1;
}
