/* The few functions of APR that the fuzzed sources call, in place of APR's: see fuzz.h. A source
 * that begins to call another one does not link until it stands here too. */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>

struct apr_pool_t {
    void **pieces;
    size_t count;
};

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

apr_pool_t *fuzz_pool_make(void)
{
    return or_abort(calloc(1, sizeof(apr_pool_t)));
}

void fuzz_pool_destroy(apr_pool_t *pool)
{
    while (pool->count > 0) {
        free(pool->pieces[--pool->count]);
    }
    free(pool->pieces);
    free(pool);
}

void *apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    void *piece = or_abort(malloc(size));

    memset(piece, 0xA5, size); /* as little zero as a used pool's */
    if ((pool->count & (pool->count + 1)) == 0) {
        pool->pieces = or_abort(realloc(pool->pieces, 2 * (pool->count + 1) * sizeof(void *)));
    }
    pool->pieces[pool->count++] = piece;
    return piece;
}

char *apr_pstrmemdup(apr_pool_t *pool, const char *text, apr_size_t length)
{
    char *copy = apr_palloc(pool, length + 1);

    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *apr_pstrndup(apr_pool_t *pool, const char *text, apr_size_t most)
{
    return apr_pstrmemdup(pool, text, strnlen(text, most));
}

const char *fuzz_string(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    return size > 0 ? apr_pstrndup(pool, (const char *)data, size) : apr_pstrmemdup(pool, "", 0);
}
