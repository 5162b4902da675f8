/* The contents of a vault: an application's cookies as SQL has them, sealed, and as a jar. */
#ifndef SECSESSION_STORE_VAULT_H
#define SECSESSION_STORE_VAULT_H

#include <apr_pools.h>
#include <libpq-fe.h>

#include "session/jar.h"
#include "session/seal.h"

/* The cookies as the JSON that secsession.keep_cookies() takes, sealed for the session with this
 * id; NULL if libcrypto fails. */
const char *secsession_vault_encode(apr_pool_t *pool, const secsession_keys_t *keys, const char *id,
                                    const secsession_jar_t *cookies);

/* What secsession.vault_of() answers of the session with this id: the jar and its version. *sealed
 * counts the cookies that could not be opened, which are left out. APR_ENOENT: the session has
 * ended. APR_EGENERAL: it is no such answer. */
apr_status_t secsession_vault_decode(apr_pool_t *pool, const secsession_keys_t *keys,
                                     const char *id, const PGresult *result, secsession_jar_t **jar,
                                     apr_uint32_t *version, int *sealed);

#endif
