/* One place of the cache: an entry behind a sequence lock. */
#ifndef SECSESSION_SLOT_H
#define SECSESSION_SLOT_H

#include <apr_time.h>

#include "store/entry.h"
#include "store/sequence.h"

#define SECSESSION_ENTRY_WORDS (sizeof(secsession_entry_t) / sizeof(apr_uint64_t))

/* 256 bytes, all zero at first; such an entry is of no token. */
typedef struct {
    secsession_sequence_t sequence;
    _Atomic apr_int32_t idle;  /* see secsession_copy_t */
    _Atomic apr_int64_t seen;  /* the last use; monotonic, like the next */
    _Atomic apr_int64_t known; /* the last use that the database knows of */
    secsession_word_t words[SECSESSION_ENTRY_WORDS];
} secsession_slot_t;

/* What a slot held at one moment. */
typedef struct {
    secsession_entry_t entry;
    apr_int32_t idle; /* the shortest idle timeout that it was used under, in seconds */
    apr_time_t seen;
    apr_time_t known;
} secsession_copy_t;

/* Whether the copy is whole: nobody was writing. */
int secsession_slot_read(secsession_slot_t *slot, secsession_copy_t *copy);

/* Writes unless somebody else is writing. Whether it did. */
int secsession_slot_write(secsession_slot_t *slot, const secsession_copy_t *copy);

#endif
