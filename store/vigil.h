/* One thing that is under way for a session, and until when it may go on as far as is known. The
 * thread of watchman.h keeps it true, under the mutex there.
 */
#ifndef SECSESSION_VIGIL_H
#define SECSESSION_VIGIL_H

#include <apr_pools.h>
#include <libpq-fe.h>
#include <stdatomic.h>

#include "session/session.h"
#include "store/cache.h"

/* A vigil is looked at so often. */
#define SECSESSION_TICK apr_time_from_msec(250)

/* Who answers for sessions. */
typedef struct {
    secsession_cache_t *cache; /* NULL: PostgreSQL is asked, once in `lease` */
    apr_interval_time_t lease;
    apr_interval_time_t stale; /* see secsession_store_config_t */
} secsession_vouchers_t;

typedef struct secsession_vigil_t {
    const secsession_vouchers_t *vouchers;
    struct secsession_watchman_t *watchman;
    _Atomic apr_time_t until; /* monotonic, as all times are; see vigil.c */
    apr_time_t ends;          /* the absolute end, as far as is known */
    int absolute;
    secsession_generation_t generation;
    secsession_key_t session, user;
    char id[APR_UUID_FORMATTED_LENGTH + 1];
    int row; /* of the statement that asks for it now; -1: none */
    void (*tell)(void *data, secsession_outcome_t why);
    void *data;
    struct secsession_vigil_t *next, **link;
} secsession_vigil_t;

/* Describes a session as it was told; `absolute` as in store.h. */
void secsession_vigil_begin(secsession_vigil_t *vigil, const secsession_vouchers_t *vouchers,
                            const secsession_session_t *session, int absolute);

/* SECSESSION_LIVE, also where that has to be found out first; else why it is over. */
secsession_outcome_t secsession_vigil_outcome(const secsession_vigil_t *vigil);

/* Whether nothing may pass until somebody has found out. */
int secsession_vigil_is_in_doubt(const secsession_vigil_t *vigil);

/* Whether PostgreSQL is to be asked. Where the cache vouches for the session it is not. */
int secsession_vigil_is_to_be_asked(secsession_vigil_t *vigil, apr_time_t now);

/* Obeys PostgreSQL's answer, which was asked for at `asked`, in that generation; NULL: there was
 * none. */
void secsession_vigil_obey(secsession_vigil_t *vigil, const PGresult *answer, apr_time_t asked,
                           secsession_generation_t generation);

/* There is nobody who could answer. */
void secsession_vigil_give_up(secsession_vigil_t *vigil);

#endif
