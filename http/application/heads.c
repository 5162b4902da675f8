/* Taking heads out of brigades, and putting them back. */
#include "http/application/heads.h"

#include <apr_strings.h>

secsession_head_outcome_t secsession_heads_take(secsession_head_t *head, apr_bucket *bucket,
                                                apr_bucket **next)
{
    secsession_head_outcome_t outcome = SECSESSION_HEAD_WRONG;
    const char *data;
    apr_size_t length, used;

    if (apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ) == APR_SUCCESS) {
        outcome = secsession_head_read(head, data, length, &used);
        if (used < length) {
            apr_bucket_split(bucket, used);
        }
    }
    *next = APR_BUCKET_NEXT(bucket); /* what is behind the head, or the bucket's own successor */
    apr_bucket_delete(bucket);
    return outcome;
}

void secsession_heads_write(const secsession_here_t *here, const secsession_head_t *head,
                            secsession_heads_rule_t *may_pass, const char *last, apr_bucket *next)
{
    apr_pool_t *pool = here->r->pool;
    apr_array_header_t *parts = apr_array_make(pool, 32, sizeof(const char *));
    const char *line = secsession_head_next(head, NULL), *text;

    APR_ARRAY_PUSH(parts, const char *) = line;
    while ((line = secsession_head_next(head, line)) != NULL) {
        if (may_pass(here, line)) {
            APR_ARRAY_PUSH(parts, const char *) = "\r\n";
            APR_ARRAY_PUSH(parts, const char *) = line;
        }
    }
    APR_ARRAY_PUSH(parts, const char *) = "\r\n";
    APR_ARRAY_PUSH(parts, const char *) = last;
    APR_ARRAY_PUSH(parts, const char *) = "\r\n";
    text = apr_array_pstrcat(pool, parts, '\0');
    APR_BUCKET_INSERT_BEFORE(next, apr_bucket_heap_create(text, strlen(text), NULL, next->list));
}
