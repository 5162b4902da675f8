/* Replacements for the few functions of APR that the fuzzed sources call; see fuzz.h. If a source
 * calls another function of APR, it does not link until that function is added here. */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdarg.h>
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

    memset(piece, 0xA5, size); /* a used pool does not return zeros either */
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

void *apr_pmemdup(apr_pool_t *pool, const void *bytes, apr_size_t length)
{
    return memcpy(apr_palloc(pool, length), bytes, length);
}

char *apr_pstrdup(apr_pool_t *pool, const char *text)
{
    return text ? apr_pstrmemdup(pool, text, strlen(text)) : NULL;
}

char *apr_pstrcat(apr_pool_t *pool, ...)
{
    char *all = apr_pstrmemdup(pool, "", 0);
    const char *text;
    va_list texts;

    va_start(texts, pool);
    while ((text = va_arg(texts, const char *)) != NULL) {
        char *longer = apr_palloc(pool, strlen(all) + strlen(text) + 1);

        all = strcat(strcpy(longer, all), text);
    }
    va_end(texts);
    return all;
}

char *apr_psprintf(apr_pool_t *pool, const char *format, ...)
{
    va_list values;
    char *text, *copy;

    va_start(values, format);
    if (vasprintf(&text, format, values) < 0) {
        abort();
    }
    va_end(values);
    copy = apr_pstrdup(pool, text);
    free(text);
    return copy;
}

apr_array_header_t *apr_array_make(apr_pool_t *pool, int count, int size)
{
    apr_array_header_t *array = apr_palloc(pool, sizeof(*array));

    *array = (apr_array_header_t){ .pool = pool, .elt_size = size, .nalloc = count };
    array->elts = apr_palloc(pool, (size_t)count * (size_t)size);
    return array;
}

/* Moves the array each time, so that the sanitizer notices whoever goes on using the old memory. */
void *apr_array_push(apr_array_header_t *array)
{
    size_t used = (size_t)array->nelts * (size_t)array->elt_size;
    char *elements = apr_palloc(array->pool, used + (size_t)array->elt_size);

    memcpy(elements, array->elts, used);
    array->elts = elements;
    array->nalloc = ++array->nelts;
    return elements + used;
}

const char *fuzz_string(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    return size > 0 ? apr_pstrndup(pool, (const char *)data, size) : apr_pstrmemdup(pool, "", 0);
}
