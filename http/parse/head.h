/* Reads the head of an HTTP/1 response (RFC 9112, 4 and 5) that comes in pieces of any size, and
 * takes time in proportion to its length. It is strict, because what it lets through is read again
 * by a browser: a head that two programs could read in two ways is wrong. A line may also end with
 * a bare LF (RFC 9112, 2.2), as long as whoever writes the head again ends each with CRLF. Uses
 * nothing but APR, so that it can be tested and fuzzed on its own. */
#ifndef SECSESSION_HEAD_H
#define SECSESSION_HEAD_H

#include <apr_pools.h>

/* The most bytes that a head may have, with its line ends. */
#define SECSESSION_HEAD_BYTES 65536

typedef enum {
    SECSESSION_HEAD_MORE,  /* all bytes have been taken, and the head goes on */
    SECSESSION_HEAD_WHOLE, /* the head is complete */
    SECSESSION_HEAD_WRONG  /* this is no head of HTTP/1, or a longer one; nothing can follow */
} secsession_head_outcome_t;

typedef struct secsession_head_t secsession_head_t;

/* A head of which nothing has been read yet. It grows in `pool`, by less than three times
 * SECSESSION_HEAD_BYTES. */
secsession_head_t *secsession_head_make(apr_pool_t *pool);

/* Takes the next `length` bytes. *used is how many of them belong to the head: fewer than `length`
 * only if the head is whole, or wrong. */
secsession_head_outcome_t secsession_head_read(secsession_head_t *head, const char *bytes,
                                               apr_size_t length, apr_size_t *used);

/* The status of a whole head, 100 to 999. */
int secsession_head_status(const secsession_head_t *head);

/* The lines of a whole head, without their ends: the status line first, then fields of the form
 * NAME:VALUE, where NAME is a token and VALUE has no control characters but HTAB. `line` is NULL
 * for the first one, else what was returned before; NULL is returned after the last one. The lines
 * live as long as the head. */
const char *secsession_head_next(const secsession_head_t *head, const char *line);

/* The value of a field if it is this one, without the blanks in front of it; else NULL. Names are
 * compared without regard to case. */
const char *secsession_head_value(const char *line, const char *name);

#endif
