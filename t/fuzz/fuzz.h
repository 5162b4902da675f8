/* What every fuzz target needs. A target is a function that libFuzzer (make fuzz) calls with bytes
 * that it makes up, and replay.c with the files of t/fuzz/corpus; it aborts the program if a
 * promise is broken. Its line "links:" names the sources that are tested. */
#ifndef SECSESSION_FUZZ_H
#define SECSESSION_FUZZ_H

#include <apr_pools.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(promise)                                                                           \
    do {                                                                                           \
        if (!(promise)) {                                                                          \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A pool that allocates every piece with malloc(), so that the sanitizer notices an access to a
 * single byte outside of it. */
apr_pool_t *fuzz_pool_make(void);
void fuzz_pool_destroy(apr_pool_t *pool);

/* The bytes up to the first NUL, as a string whose memory ends with it. */
const char *fuzz_string(apr_pool_t *pool, const uint8_t *data, size_t size);

#endif
