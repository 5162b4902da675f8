/* HMAC with SHA-256 (RFC 2104, FIPS 198-1): tells what was made with a key from all else. */
#ifndef SECSESSION_MAC_H
#define SECSESSION_MAC_H

#include <apr_pools.h>

#include "session/keys.h"

#define SECSESSION_MAC_BYTES 32

/* The MAC of some bytes by a key of SECSESSION_KEY_BYTES; whoever compares it takes as many bytes
 * of it as there is room for, in constant time. APR_EGENERAL if libcrypto fails. */
apr_status_t secsession_mac(const unsigned char *key, const void *bytes, apr_size_t length,
                            unsigned char mac[SECSESSION_MAC_BYTES]);

#endif
