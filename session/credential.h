/* Clients that send their credentials with each request: by what their session is found where they
 * keep no cookie, and by what it is known again whose credentials these are. Both are MACs, so that
 * nobody without the keys can make one or tell of whom it is.
 */
#ifndef SECSESSION_CREDENTIAL_H
#define SECSESSION_CREDENTIAL_H

#include <apr_tables.h>

#include "session/client.h"
#include "session/keys.h"
#include "session/session.h"
#include "session/token.h"

/* Who sends a request. */
typedef struct {
    const char *realm;
    const char *user;
    const char *method;
    secsession_address_t network; /* the addresses that one client may have */
    const char *agent;            /* what it calls itself; NULL: nothing */
    const char *certificate;      /* that it has shown, since a user may have several; NULL: none */
} secsession_sender_t;

/* With what a session begins that is to be found again. */
typedef struct {
    secsession_hash_t client;         /* stands where else the hash of a token stands */
    const apr_array_header_t *hashes; /* secsession_hash_t, of the credentials: by the first of the
                                       * keys, and by each of the others */
} secsession_credential_t;

/* By what the session of a sender is found, with the first of `keys`. APR_EGENERAL if libcrypto
 * fails. `pool` is for scratch. */
apr_status_t secsession_credential_client(apr_pool_t *pool, const secsession_keys_t *keys,
                                          const secsession_sender_t *sender,
                                          secsession_hash_t *client);

/* The hashes of the credentials that are checked by this record (NULL: by one that nobody can
 * read), wherever they are sent from, in `pool`; NULL if libcrypto fails. */
const apr_array_header_t *secsession_credential_hashes(apr_pool_t *pool,
                                                       const secsession_keys_t *keys,
                                                       const secsession_sender_t *sender,
                                                       const char *record);

#endif
