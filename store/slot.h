/* One place of the cache: an entry behind a sequence number (a sequence lock: odd while the entry is
 * written; H.-J. Boehm, "Can seqlocks get along with programming language memory models?", 2012).
 * Readers never wait. A writer that dies leaves the number odd: from then on nobody reads or writes
 * that slot. For cache.c.
 */
#ifndef SECSESSION_SLOT_H
#define SECSESSION_SLOT_H

#include <apr_time.h>
#include <stdatomic.h>

#include "store/entry.h"

#define SECSESSION_ENTRY_WORDS (sizeof(secsession_entry_t) / sizeof(apr_uint64_t))

/* 256 bytes, all zero at first; such an entry is of no token. */
typedef struct {
    _Atomic apr_uint32_t sequence;
    _Atomic apr_int64_t seen;  /* the last use; monotonic, like the next */
    _Atomic apr_int64_t known; /* the last use that the database knows of */
    _Atomic apr_uint64_t words[SECSESSION_ENTRY_WORDS];
} secsession_slot_t;

/* What a slot held at one moment. */
typedef struct {
    secsession_entry_t entry;
    apr_time_t seen;
    apr_time_t known;
} secsession_copy_t;

/* Whether the copy is whole: nobody was writing. */
int secsession_slot_read(secsession_slot_t *slot, secsession_copy_t *copy);

/* Writes unless somebody else is writing. Whether it did. */
int secsession_slot_write(secsession_slot_t *slot, const secsession_copy_t *copy);

#endif
