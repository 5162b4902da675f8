/* Of a Connection field, however mod_proxy splits it, no option is left that was to be removed, and
 * all others are left, in order. */
/* links: http/parse/options.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <string.h>
#include <strings.h>

#include "http/parse/options.h"

/* Options that begin with "x" are to be removed. */
static int stays(const char *option, void *data)
{
    REQUIRE(*option && strpbrk(option, ",; \t\r\n\v\f") == NULL);
    (*(int *)data)++;
    return *option != 'x' && *option != 'X';
}

/* The options that stay, each with a comma behind it. */
static void list(const char *field, char *to)
{
    char before = ',';
    int is_in = 0;

    for (; *field; before = *field++) {
        int is_separator = strchr(",; \t\r\n\v\f", *field) != NULL;

        if (!is_separator && strchr(",; \t\r\n\v\f", before)) {
            is_in = *field != 'x' && *field != 'X';
        }
        if (is_in && is_separator && !strchr(",; \t\r\n\v\f", before)) {
            *to++ = ',';
        } else if (is_in && !is_separator) {
            *to++ = *field;
        }
    }
    if (is_in && !strchr(",; \t\r\n\v\f", before)) {
        *to++ = ',';
    }
    *to = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *field = fuzz_string(pool, data, size);
    char *before = apr_palloc(pool, strlen(field) + 2),
         *after = apr_palloc(pool, strlen(field) + 2);
    int asked = 0;
    const char *kept = secsession_options_keep(pool, field, stays, &asked);

    REQUIRE(kept == NULL || kept == field || *kept);
    list(field, before);
    list(kept ? kept : "", after);
    REQUIRE(strcmp(before, after) == 0);
    REQUIRE(kept || *before == '\0');
    if (kept) {
        REQUIRE(secsession_options_keep(pool, kept, stays, &asked) == kept);
    }
    fuzz_pool_destroy(pool);
    return 0;
}
