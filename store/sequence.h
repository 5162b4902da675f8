/* A sequence lock over words in shared memory: the number is odd while they are written (H.-J.
 * Boehm, "Can seqlocks get along with programming language memory models?", 2012). Readers never
 * wait. A writer that dies leaves the number odd: from then on nobody reads or writes there.
 */
#ifndef SECSESSION_SEQUENCE_H
#define SECSESSION_SEQUENCE_H

#include <apr.h>
#include <stdatomic.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock of libatomic would be one process's own");

typedef _Atomic apr_uint32_t secsession_sequence_t;
typedef _Atomic apr_uint64_t secsession_word_t;

/* Where a reading begins. Whether nobody is writing. */
static inline int secsession_sequence_read(secsession_sequence_t *sequence, apr_uint32_t *before)
{
    *before = atomic_load_explicit(sequence, memory_order_acquire);
    return (*before & 1) == 0;
}

/* Where it ends. Whether what was read is whole. */
static inline int secsession_sequence_is_same(secsession_sequence_t *sequence, apr_uint32_t before)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(sequence, memory_order_relaxed) == before;
}

/* Where a writing begins. Whether nobody else is writing. */
static inline int secsession_sequence_lock(secsession_sequence_t *sequence)
{
    apr_uint32_t before = atomic_load_explicit(sequence, memory_order_relaxed);

    if ((before & 1)
        || !atomic_compare_exchange_strong_explicit(sequence, &before, before + 1,
                                                    memory_order_acquire, memory_order_relaxed)) {
        return 0;
    }
    atomic_thread_fence(memory_order_release);
    return 1;
}

static inline void secsession_sequence_unlock(secsession_sequence_t *sequence)
{
    atomic_store_explicit(sequence, atomic_load_explicit(sequence, memory_order_relaxed) + 1,
                          memory_order_release);
}

static inline void secsession_words_load(apr_uint64_t *to, secsession_word_t *from,
                                         apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        to[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
    }
}

static inline void secsession_words_store(secsession_word_t *to, const apr_uint64_t *from,
                                          apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        atomic_store_explicit(&to[i], from[i], memory_order_relaxed);
    }
}

#endif
