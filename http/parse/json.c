/* Reads a member of a JSON object. Programs differ in which of two members of one name they take,
 * and in what they take for the same name; none of that is accepted. Uses nothing but APR and
 * jansson, so that it can be tested and fuzzed on its own. */
#include "http/parse/json.h"

#include <apr_strings.h>
#include <jansson.h>
#include <string.h>

#include "http/parse/fields.h"

/* What is known so far. */
typedef struct {
    apr_pool_t *pool;
    const char *value; /* NULL: it has not been found yet */
    int is_there;      /* every application that reads the object finds it */
} found_t;

/* Programs that ignore case may fold letters beyond ASCII, too, so that the Kelvin sign is a k. */
static int is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text > 0x7F) {
            return 0;
        }
    }
    return 1;
}

/* Whether some application might take the member `key` for `name`. */
static int is_similar(const char *key, const char *name)
{
    return !is_ascii(key) || secsession_fields_is_same(key, name);
}

/* Takes the value of a member that is `name`, or similar. Returns 0 if that is ambiguous. */
static int take(const char *key, const json_t *member, const char *name, found_t *found)
{
    const char *text = json_string_value(member);

    if (text == NULL || (found->value && strcmp(found->value, text) != 0)) {
        return 0;
    }
    found->value = apr_pstrdup(found->pool, text);
    found->is_there |= strcmp(key, name) == 0;
    return 1;
}

static int read_object(json_t *object, const char *name, found_t *found);

/* Looks for the rest of `name` in a member that is the beginning of it. Returns 0 if anything is
 * ambiguous. */
static int read_below(const char *key, json_t *member, const char *name, found_t *found)
{
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        const char *first = apr_pstrmemdup(found->pool, name, (apr_size_t)(dot - name));

        if (is_similar(key, first)
            && (strcmp(key, first) != 0 || !read_object(member, dot + 1, found))) {
            return 0;
        }
    }
    return 1;
}

static int read_object(json_t *object, const char *name, found_t *found)
{
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        json_t *member = json_object_iter_value(at);

        if (is_similar(key, name) ? !take(key, member, name, found)
                                  : !read_below(key, member, name, found)) {
            return 0;
        }
    }
    return 1;
}

/* Returns 0 if the body is no JSON object, or ambiguous. */
static int read_body(const char *body, const char *name, found_t *found)
{
    json_t *object = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    int is_clear = json_is_object(object) && read_object(object, name, found);

    json_decref(object);
    return is_clear && !secsession_fields_are_there(found->pool, body, name);
}

const char *secsession_json_get(apr_pool_t *pool, const char *body, const char *name)
{
    found_t found = { .pool = pool };

    return read_body(body, name, &found) && found.is_there ? found.value : NULL;
}

int secsession_json_lacks(apr_pool_t *pool, const char *body, const char *name)
{
    found_t found = { .pool = pool };

    return read_body(body, name, &found) && found.value == NULL;
}
