/* When each kind of trouble was logged last, and which are not over. */
#include "store/trouble.h"

#include <apr_shm.h>
#include <apr_time.h>
#include <stdatomic.h>

#define REPEAT_AFTER 60 /* seconds */
#define REPEAT_FULL_AFTER 3600

#define BIT(kind) (1u << (kind))
#define OF_DATABASE (BIT(SECSESSION_TROUBLE_FEED) - 1)

struct secsession_trouble_t {
    _Atomic apr_uint32_t logged_at[SECSESSION_TROUBLE_KINDS]; /* seconds; 0: never */
    _Atomic apr_uint32_t is_logged;                           /* bits of kinds; not over yet */
};

apr_status_t secsession_trouble_create(secsession_trouble_t **trouble, apr_pool_t *pool)
{
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(&memory, sizeof(**trouble), NULL, pool);

    if (status == APR_SUCCESS) {
        *trouble = apr_shm_baseaddr_get(memory); /* anonymous memory is all zero */
    }
    return status;
}

int secsession_trouble_is_news(secsession_trouble_t *trouble, secsession_trouble_kind_t kind)
{
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    apr_uint32_t before = atomic_load(&trouble->logged_at[kind]);
    apr_uint32_t after = kind == SECSESSION_TROUBLE_FULL ? REPEAT_FULL_AFTER : REPEAT_AFTER;

    if (before != 0 && now - before < after) {
        return 0;
    }
    if (!atomic_compare_exchange_strong(&trouble->logged_at[kind], &before, now)) {
        return 0; /* another child has just logged it */
    }
    atomic_fetch_or(&trouble->is_logged, BIT(kind));
    return 1;
}

/* The plain load comes first: while all is well it is all that a request has to do here. */
static int is_over(secsession_trouble_t *trouble, apr_uint32_t kinds)
{
    if ((atomic_load_explicit(&trouble->is_logged, memory_order_relaxed) & kinds) == 0) {
        return 0;
    }
    return (atomic_fetch_and(&trouble->is_logged, ~kinds) & kinds) != 0;
}

int secsession_trouble_is_over(secsession_trouble_t *trouble)
{
    return is_over(trouble, OF_DATABASE);
}

int secsession_trouble_is_feed_over(secsession_trouble_t *trouble)
{
    return is_over(trouble, BIT(SECSESSION_TROUBLE_FEED));
}
