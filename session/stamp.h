/* Stamps: a keyed fingerprint of the record by which a user was authenticated, kept with the
 * session, so that a change of the record is noticed. A stamp discloses neither the record nor
 * whether two users have the same one. */
#ifndef SECSESSION_STAMP_H
#define SECSESSION_STAMP_H

#include <apr_pools.h>

#define SECSESSION_STAMP_BYTES 56 /* where the record is, a key of 16 random bytes, HMAC-SHA256 */

typedef struct {
    unsigned char bytes[SECSESSION_STAMP_BYTES];
} secsession_stamp_t;

/* Stamps a record, which is kept in `source` (a file, a query ...). APR_EGENERAL if the kernel or
 * libcrypto fails. */
apr_status_t secsession_stamp_make(const char *source, const char *record,
                                   secsession_stamp_t *stamp);

/* Whether a stamp is of a record that is kept in `source`. */
int secsession_stamp_is_from(const secsession_stamp_t *stamp, const char *source);

/* Whether a stamp is of this very record; NULL: there is none any more. */
int secsession_stamp_fits(const secsession_stamp_t *stamp, const char *record);

#endif
