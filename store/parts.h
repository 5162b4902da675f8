/* What a store is made of: for the files that are the store, and none below them. */
#ifndef SECSESSION_PARTS_H
#define SECSESSION_PARTS_H

#include <stdatomic.h>

#include "session/jar.h"
#include "session/keys.h"
#include "store/cache.h"
#include "store/dbd.h"
#include "store/feed.h"
#include "store/housekeeper.h"
#include "store/jars.h"
#include "store/lookups.h"
#include "store/running.h"
#include "store/trouble.h"
#include "store/watchman.h"

struct secsession_store_t {
    server_rec *server;
    secsession_dbd_t *dbd;
    secsession_lookups_t *lookups; /* of this child, like the next */
    secsession_running_t *running;
    secsession_trouble_t *trouble;
    secsession_cache_t *cache; /* NULL: every lookup asks the database */
    secsession_feed_t *feed;
    secsession_housekeeper_t *housekeeper;
    secsession_watchman_t *watchman; /* of this child */
    apr_interval_time_t lease;
    apr_interval_time_t stale;
    secsession_jars_t *jars;             /* NULL: each vault is read from the database */
    const secsession_keys_t *vault_keys; /* NULL: none; like the next */
    const secsession_keys_t *claim_keys;
    _Atomic apr_time_t no_offers_until; /* monotonic; of this child */
};

/* Adds cookies as they go into SQL, sealed for the session with this id; null where there are none.
 * Whether they can. */
int secsession_store_add_cookies(struct secsession_store_t *store, apr_pool_t *pool,
                                 secsession_parameters_t *parameters, const char *id,
                                 const secsession_jar_t *cookies);

/* The generation of the cache at this moment; 0: there is none. */
secsession_generation_t secsession_store_generation(const struct secsession_store_t *store);

/* Writes down since when, and in which generation, it is known that the session is so: *session
 * becomes a copy in `pool`. */
void secsession_store_date(apr_pool_t *pool, const secsession_session_t **session, apr_time_t asked,
                           secsession_generation_t generation);

#endif
