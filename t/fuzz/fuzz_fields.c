/* If the user name is found in a urlencoded form, every program finds the same one: whether it uses
 * the first field of a name or the last, splits at semicolons, too, ignores case, converts names as
 * PHP does, and whether it keeps or drops what cannot be decoded. */
/* links: http/parse/fields.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/parse/fields.h"

typedef struct {
    const char *separators;
    int takes_last, is_php, is_caseless, drops_percent;
} reader_t;

/* How one program decodes the `length` bytes at `from`. A NUL ends the result. */
static char *read_text(apr_pool_t *pool, const reader_t *reader, const char *from, size_t length)
{
    char *text = apr_pstrmemdup(pool, from, length), *to = text;

    for (char *c = text; *c; c++) {
        if (*c == '%' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2])) {
            char digits[3] = { c[1], c[2], '\0' };

            *to++ = (char)strtol(digits, NULL, 16);
            c += 2;
        } else if (*c != '%' || !reader->drops_percent) {
            *to++ = *c == '+' ? ' ' : *c;
        }
    }
    *to = '\0';
    return text;
}

/* Converts a name as php_register_variable_safe() does. */
static char *php_name(char *name)
{
    name += strspn(name, " ");
    for (char *c = name; *c; c++) {
        if (*c == '[' && strchr(c, ']')) {
            *c = '\0';
            break;
        }
        *c = strchr(" .[", *c) ? '_' : *c;
    }
    return name;
}

static const char *read_field(apr_pool_t *pool, const reader_t *reader, const char *form,
                              const char *wanted)
{
    const char *value = NULL;

    while (*form) {
        size_t length = strcspn(form, reader->separators);
        const char *equals = memchr(form, '=', length);
        size_t name_length = equals ? (size_t)(equals - form) : length;
        char *name = read_text(pool, reader, form, name_length);

        name = reader->is_php ? php_name(name) : name;
        if (equals && (reader->is_caseless ? strcasecmp(name, wanted) : strcmp(name, wanted)) == 0
            && (value == NULL || reader->takes_last)) {
            value = read_text(pool, reader, equals + 1, length - name_length - 1);
        }
        form += length + (form[length] != '\0');
    }
    return value;
}

static void check(apr_pool_t *pool, const char *form, const char *name)
{
    const char *value = secsession_fields_only(pool, form, name);

    if (value == NULL) {
        return;
    }
    for (int i = 0; i < 32; i++) {
        const reader_t reader = { .separators = i & 1 ? "&;" : "&",
                                  .takes_last = i >> 1 & 1,
                                  .is_php = i >> 2 & 1,
                                  .is_caseless = i >> 3 & 1,
                                  .drops_percent = i >> 4 & 1 };
        const char *read = read_field(pool, &reader, form, name);

        REQUIRE(read != NULL && strcmp(read, value) == 0);
    }
    REQUIRE(!secsession_fields_contradict(pool, form, name, value));
    REQUIRE(secsession_fields_contradict(pool, form, name, apr_pstrcat(pool, value, "x", NULL)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "user", "_user", "f:u" };
    apr_pool_t *pool = fuzz_pool_make();
    const char *form = fuzz_string(pool, data, size);

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        check(pool, form, names[i]);
    }
    secsession_fields_are_urlencoded(form);
    fuzz_pool_destroy(pool);
    return 0;
}
