/* The heads of responses that a backend or httpd itself writes to the connection, past the output
 * filters of the response: they are taken out of the brigades, and written again without what may
 * not pass.
 */
#ifndef SECSESSION_HEADS_H
#define SECSESSION_HEADS_H

#include <util_filter.h>

#include "http/parse/head.h"
#include "http/request/context.h"

/* Whether a field, NAME:VALUE, may pass. */
typedef int secsession_heads_rule_t(const secsession_here_t *here, const char *line);

/* Takes from a bucket of data what belongs to a head, and sets *next to the bucket from which to go
 * on. SECSESSION_HEAD_WRONG also stands for a bucket that cannot be read. */
secsession_head_outcome_t secsession_heads_take(secsession_head_t *head, apr_bucket *bucket,
                                                apr_bucket **next);

/* Writes a whole head before `next`: the fields that may pass, and `last`, a line with its end or
 * "". */
void secsession_heads_write(const secsession_here_t *here, const secsession_head_t *head,
                            secsession_heads_rule_t *may_pass, const char *last, apr_bucket *next);

#endif
