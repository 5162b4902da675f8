/* A Cache-Control field is private only if a reader written after the grammar of RFC 9111, one
 * character after the other, says so. */
/* links: http/parse/cachecontrol.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/parse/cachecontrol.h"

static int is_tchar(char c)
{
    return c && (isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c)) && (c & 0x80) == 0;
}

/* Where the reader is: between directives, in a name, behind a "=", in a value, in quotes, behind a
 * backslash in quotes, behind a directive. */
typedef enum { BETWEEN, NAME, EQUALS, VALUE, QUOTED, ESCAPED, BEHIND, WRONG } state_t;

static state_t next(state_t state, char c)
{
    int is_blank = c == ' ' || c == '\t';

    switch (state) {
    case BETWEEN:
        return is_blank || c == ',' ? BETWEEN : is_tchar(c) ? NAME : WRONG;
    case NAME:
        return is_tchar(c) ? NAME
               : c == '='  ? EQUALS
               : is_blank  ? BEHIND
               : c == ','  ? BETWEEN
                           : WRONG;
    case EQUALS:
        return is_tchar(c) ? VALUE : c == '"' ? QUOTED : WRONG;
    case VALUE:
        return is_tchar(c) ? VALUE : is_blank ? BEHIND : c == ',' ? BETWEEN : WRONG;
    case QUOTED:
        return c == '"'                                             ? BEHIND
               : c == '\\'                                          ? ESCAPED
               : isprint((unsigned char)c) || c == '\t' || c & 0x80 ? QUOTED
                                                                    : WRONG;
    case ESCAPED:
        return isprint((unsigned char)c) || c == '\t' || c & 0x80 ? QUOTED : WRONG;
    case BEHIND:
        return is_blank ? BEHIND : c == ',' ? BETWEEN : WRONG;
    default:
        return WRONG;
    }
}

static int slowly_is_private(const char *field)
{
    state_t state = BETWEEN, before;
    char name[16] = "";
    size_t length = 0;
    int is_private = 0, is_public = 0;

    for (;; field++) {
        before = state;
        state = *field ? next(state, *field) : state;
        if (before != NAME && state == NAME) {
            length = 0;
        }
        if (state == NAME && length < sizeof(name) - 1 && *field) {
            name[length++] = *field;
            name[length] = '\0';
        }
        if (before == NAME && (state != NAME || *field == '\0')) {
            is_private |= state != EQUALS
                          && (strcasecmp(name, "private") == 0
                              || strcasecmp(name, "no-store") == 0);
            is_public |= strcasecmp(name, "public") == 0 || strcasecmp(name, "s-maxage") == 0;
        }
        if (*field == '\0') {
            return is_private && !is_public && state != WRONG && state != EQUALS && state != QUOTED
                   && state != ESCAPED;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *field = fuzz_string(pool, data, size);

    const char *kept;
    int is_for_all;

    REQUIRE(secsession_cachecontrol_is_private(field) == slowly_is_private(field));
    kept = secsession_cachecontrol_as_private(pool, field, 0, &is_for_all);
    REQUIRE(kept == NULL || slowly_is_private(kept));
    REQUIRE(kept == NULL || strlen(kept) <= sizeof("private") + 2 * strlen(field));
    fuzz_pool_destroy(pool);
    return 0;
}
