/* The first cookies of a visitor whom nobody knows: they travel sealed behind the token, in our own
 * cookie, until it comes back once; only then is there a session for them. So whoever never sends
 * a cookie back costs no row. A parcel is "TOKEN.SEAL", the latter in base64 (RFC 4648, 4); it is
 * good for that token, and until a moment that is sealed in it.
 */
#ifndef SECSESSION_PARCEL_H
#define SECSESSION_PARCEL_H

#include "session/jar.h"
#include "session/keys.h"

/* What browsers keep in one cookie at least, less its name (RFC 6265bis, 5.6). */
#define SECSESSION_PARCEL_CHARS 3584

/* The parcel with this token and these cookies, of which removals are left out, good until `until`
 * (seconds since the epoch), in `pool`. NULL if it would have more than SECSESSION_PARCEL_CHARS, or
 * libcrypto fails. */
const char *secsession_parcel_make(apr_pool_t *pool, const secsession_keys_t *keys,
                                   const char *token, const secsession_jar_t *cookies,
                                   apr_int64_t until);

/* The length of the token in front of a parcel; 0 if `value` is none. */
apr_size_t secsession_parcel_token(const char *value);

/* The cookies of a parcel, in `pool`; NULL if it was not made with one of `keys`, was changed, or
 * is not good any more. */
secsession_jar_t *secsession_parcel_open(apr_pool_t *pool, const secsession_keys_t *keys,
                                         const char *parcel, apr_int64_t now);

#endif
