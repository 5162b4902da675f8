/* Reads a field of a urlencoded form in every way in which an application might read it. Uses
 * nothing but APR, so that it can be tested and fuzzed on its own. */
#include "http/parse/fields.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "http/parse/hex.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

int secsession_fields_is_form(const char *type)
{
    const apr_size_t length = sizeof(FORM_TYPE) - 1;

    return type && strncasecmp(type, FORM_TYPE, length) == 0
           && strchr("; \t", type[length]); /* strchr() also finds the NUL at the end */
}

/* Whether a type is `wanted`, of UTF-8. */
static int is_type(const char *type, const char *wanted)
{
    static const char *const endings[] = { "", ";", ";charset=utf-8", ";charset=\"utf-8\"" };
    const apr_size_t wanted_length = strlen(wanted);
    char rest[32] = "";
    apr_size_t length = 0;

    if (strncasecmp(type, wanted, wanted_length) != 0) {
        return 0;
    }
    for (const char *c = type + wanted_length; *c && length < sizeof(rest) - 1; c++) {
        if (*c != ' ' && *c != '\t') {
            rest[length++] = *c;
        }
    }
    for (apr_size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        if (strcasecmp(rest, endings[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

int secsession_fields_are_urlencoded(const char *type)
{
    return is_type(type, FORM_TYPE);
}

int secsession_fields_are_json(const char *type)
{
    return is_type(type, "application/json");
}

/* The next character of a name that applications compare, in lower case; NUL at the end of the
 * name or at one of `ends`. */
static int next_of(const char **name, const char *ends)
{
    unsigned char c;

    do {
        c = (unsigned char)*(*name)++;
        if (c && strchr(ends, c)) {
            return 0;
        }
    } while (c && (c <= 0x20 || strchr(".[_", c)));
    return apr_tolower(c);
}

static int is_same_up_to(const char *found, const char *name, const char *ends)
{
    int one, other;

    do {
        one = next_of(&found, ends);
        other = next_of(&name, "]");
    } while (one == other && one != 0);
    return one == other;
}

/* PHP reads a field "name[" as an array, which takes the place of the field "name". */
int secsession_fields_is_same(const char *found, const char *name)
{
    return is_same_up_to(found, name, "]")
           || (strchr(name, '[') == NULL && is_same_up_to(found, name, "[]"));
}

/* Decodes `length` bytes into `to`, which has room for `length` + 1. Returns 0 if the encoding is
 * wrong or stands for a NUL. */
static int decode(const char *from, apr_size_t length, char *to)
{
    const char *end = from + length;

    for (; from < end; from++) {
        if (*from == '%') {
            int high = end - from < 3 ? -1 : secsession_hex_value(from[1]);
            int low = high < 0 ? -1 : secsession_hex_value(from[2]);

            if (low < 0) {
                return 0;
            }
            *to = (char)(high * 16 + low);
            from += 2;
        } else {
            *to = (char)(*from == '+' ? ' ' : *from);
        }
        if (*to++ == '\0') {
            return 0;
        }
    }
    *to = '\0';
    return 1;
}

/* What is known about the field so far. */
typedef struct {
    const char *name;
    const char *value; /* NULL: the field has not been found yet */
    int is_there;      /* every application that reads the form finds the field */
} field_t;

/* Reads one pair, the `length` bytes at `pair`; `scratch` has room for `length` + 1. Returns 0 if
 * the form becomes ambiguous by it. A semicolon after the value makes it so: some applications
 * take it for a separator, others for a part of the value. */
static int read_pair(apr_pool_t *pool, const char *form, const char *pair, apr_size_t length,
                     char *scratch, field_t *field)
{
    const char *equals = memchr(pair, '=', length);
    apr_size_t name_length = equals ? (apr_size_t)(equals - pair) : length;
    int is_exact;

    if (!decode(pair, name_length, scratch)) {
        return 0;
    }
    if (!secsession_fields_is_same(scratch, field->name)) {
        return 1;
    }
    is_exact = equals && strcmp(scratch, field->name) == 0 && (pair == form || pair[-1] == '&');
    name_length += equals ? 1 : 0;
    if (!decode(pair + name_length, length - name_length, scratch) || pair[length] == ';'
        || (field->value && strcmp(field->value, scratch) != 0)) {
        return 0;
    }
    if (field->value == NULL) {
        field->value = apr_pstrmemdup(pool, scratch, strlen(scratch));
    }
    field->is_there |= is_exact;
    return 1;
}

/* Reads all pairs of a form. Returns 0 if it is ambiguous. */
static int read_form(apr_pool_t *pool, const char *form, field_t *field)
{
    char *scratch = apr_palloc(pool, strlen(form) + 1);
    const char *pair = form;

    for (;;) {
        apr_size_t length = strcspn(pair, "&;");

        if (!read_pair(pool, form, pair, length, scratch, field)) {
            return 0;
        }
        if (pair[length] == '\0') {
            return 1;
        }
        pair += length + 1;
    }
}

const char *secsession_fields_only(apr_pool_t *pool, const char *form, const char *name)
{
    field_t field = { .name = name };

    return strchr(form, '{') == NULL && read_form(pool, form, &field) && field.is_there
               ? field.value
               : NULL;
}

int secsession_fields_contradict(apr_pool_t *pool, const char *query, const char *name,
                                 const char *value)
{
    field_t field = { .name = name, .value = value };

    return query && !read_form(pool, query, &field);
}

/* Decodes a name without what is not encoded correctly. A NUL ends it. */
static void decode_somehow(const char *from, apr_size_t length, char *to)
{
    for (const char *end = from + length; from < end; from++) {
        int high = *from == '%' && end - from > 2 ? secsession_hex_value(from[1]) : -1;
        int low = high < 0 ? -1 : secsession_hex_value(from[2]);

        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else if (*from != '%') {
            *to++ = (char)(*from == '+' ? ' ' : *from);
        }
    }
    *to = '\0';
}

int secsession_fields_are_there(apr_pool_t *pool, const char *text, const char *name)
{
    char *scratch = apr_palloc(pool, strlen(text) + 1);

    for (;;) {
        const apr_size_t length = strcspn(text, "&;");
        const apr_size_t name_length = strcspn(text, "=&;");

        decode_somehow(text, name_length, scratch);
        if (secsession_fields_is_same(scratch, name)) {
            return 1;
        }
        if (text[length] == '\0') {
            return 0;
        }
        text += length + 1;
    }
}

int secsession_fields_lack(apr_pool_t *pool, const char *form, const char *name)
{
    return strchr(form, '{') == NULL && !secsession_fields_are_there(pool, form, name);
}
