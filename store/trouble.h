/* What all children of a server remember of the database's troubles, in shared memory, so that the
 * log has one error, then one a minute, and one notice when it is over.
 */
#ifndef SECSESSION_TROUBLE_H
#define SECSESSION_TROUBLE_H

#include <apr_pools.h>

typedef struct secsession_trouble_t secsession_trouble_t;

typedef enum {
    SECSESSION_TROUBLE_REACH,     /* no answer, or no connection */
    SECSESSION_TROUBLE_BUSY,      /* all connections of a child in use */
    SECSESSION_TROUBLE_SCHEMA,    /* not the schema that this module needs */
    SECSESSION_TROUBLE_STATEMENT, /* PostgreSQL refused a statement */
    SECSESSION_TROUBLE_LATE,      /* it gave up a statement that waited for a lock, or was slow */
    SECSESSION_TROUBLE_SILENT,    /* a statement had no answer in time */
    SECSESSION_TROUBLE_ANSWER,    /* an answer that makes no sense */
    SECSESSION_TROUBLE_FEED,      /* revocations are not heard */
    SECSESSION_TROUBLE_FULL,      /* the cache is; once an hour, and never over */
    SECSESSION_TROUBLE_QUEUE,     /* the queue of NOTIFY is filling up; never over */
    SECSESSION_TROUBLE_SEAL,      /* what a vault holds cannot be opened; never over */
    SECSESSION_TROUBLE_TAG,       /* tokens without a tag of ours are presented; never over */
    SECSESSION_TROUBLE_CLAIM,     /* sessions are not signed; never over */
    SECSESSION_TROUBLE_KINDS
} secsession_trouble_kind_t;

/* Before the children are forked; `pool` is the configuration's. */
apr_status_t secsession_trouble_create(secsession_trouble_t **trouble, apr_pool_t *pool);

/* Notes that it happened, perhaps again. Whether it is to be logged now. */
int secsession_trouble_is_news(secsession_trouble_t *trouble, secsession_trouble_kind_t kind);

/* Notes that the database has answered, or that the feed hears. Whether that ends a trouble which
 * was logged. */
int secsession_trouble_is_over(secsession_trouble_t *trouble);
int secsession_trouble_is_feed_over(secsession_trouble_t *trouble);

#endif
