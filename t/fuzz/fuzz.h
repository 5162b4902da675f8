/* What every fuzz target needs. A target is a function that libFuzzer (make fuzz) calls with bytes
 * of its own, and replay.c with those of t/fuzz/corpus; it ends the program if a promise is broken.
 * Its line "links:" names the sources that it is about. */
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

/* A pool whose every piece comes from malloc, so that the sanitizer sees one byte too many. */
apr_pool_t *fuzz_pool_make(void);
void fuzz_pool_destroy(apr_pool_t *pool);

/* The bytes up to the first NUL, as a string that ends where its memory ends. */
const char *fuzz_string(apr_pool_t *pool, const uint8_t *data, size_t size);

#endif
