/* If the user name is found in JSON, every program finds the same one: whether it takes the first
 * or the last of two members of one name, ignores case, or takes any body for a urlencoded form. */
/* links: http/parse/json.c http/parse/fields.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "http/parse/fields.h"
#include "http/parse/json.h"

/* The member of an object as a program reads it that takes the last one whose name it holds for the
 * same; jansson takes the last of those that are written in the same way. */
static json_t *member_of(json_t *object, const char *name, int is_caseless)
{
    json_t *found = NULL;

    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);

        if ((is_caseless ? strcasecmp(key, name) : strcmp(key, name)) == 0) {
            found = json_object_iter_value(at);
        }
    }
    return found;
}

/* A name with a dot is that of a member, or the way to one. */
static const char *read_as(json_t *object, const char *name, int is_caseless)
{
    const char *value = json_string_value(member_of(object, name, is_caseless));
    const char *dot = strchr(name, '.');

    if (value == NULL && dot) {
        char *first = strndup(name, (size_t)(dot - name));

        value = json_string_value(
            member_of(member_of(object, first, is_caseless), dot + 1, is_caseless));
        free(first);
    }
    return value;
}

static void check(apr_pool_t *pool, const char *body, const char *name)
{
    const char *value = secsession_json_get(pool, body, name);
    json_t *object = json_loads(body, 0, NULL);

    if (secsession_json_lacks(pool, body, name)) {
        REQUIRE(value == NULL && read_as(object, name, 0) == NULL
                && read_as(object, name, 1) == NULL);
    }
    if (value) {
        for (int is_caseless = 0; is_caseless < 2; is_caseless++) {
            const char *read = read_as(object, name, is_caseless);

            REQUIRE(read != NULL && strcmp(read, value) == 0);
        }
        REQUIRE(strchr(body, '{') != NULL && secsession_fields_only(pool, body, name) == NULL);
        REQUIRE(!secsession_fields_are_there(pool, body, name));
    }
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "user", "_user", "u.n" };
    apr_pool_t *pool = fuzz_pool_make();
    const char *body = fuzz_string(pool, data, size);

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        check(pool, body, names[i]);
    }
    secsession_fields_are_json(body);
    fuzz_pool_destroy(pool);
    return 0;
}
