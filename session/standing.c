/* Which of the Set-Cookie fields of a response count. */
#include "session/standing.h"

#include <apr_hash.h>
#include <apr_strings.h>

/* What one field does. */
typedef struct {
    const char *text;
    const char *name;
    const char *cookie; /* with what makes it the same (RFC 6265bis, 5.7, 23); NULL: none, since no
                         * browser obeys the field */
    int removes;
} field_t;

static field_t read_field(apr_pool_t *pool, const char *text, const secsession_asker_t *asker,
                          apr_int64_t now)
{
    field_t field = { .text = text };
    secsession_kept_t kept;

    if (secsession_jar_parse(pool, text, asker, now, &kept)) {
        field.cookie = apr_pstrcat(pool, kept.name, ";", kept.domain, ";", kept.path,
                                   kept.host_only ? ";" : "", NULL);
        field.removes = kept.value == NULL;
    }
    field.name = kept.name;
    return field;
}

static void note(apr_hash_t *hash, const char *key, const field_t *field)
{
    apr_hash_set(hash, key, APR_HASH_KEY_STRING, field);
}

static const field_t *find(apr_hash_t *hash, const char *key)
{
    return apr_hash_get(hash, key, APR_HASH_KEY_STRING);
}

/* Whether the browser has the cookie afterwards. */
static int is_there(const field_t *field, apr_hash_t *last)
{
    return field->cookie && !field->removes && find(last, field->cookie) == field;
}

/* Whether the field removes its cookie, or no browser obeys it, and the browser has none of this
 * name afterwards. */
static int is_gone(const field_t *field, apr_hash_t *last, apr_hash_t *there)
{
    const int is_last = field->cookie == NULL
                        || (field->removes && find(last, field->cookie) == field);

    return is_last && !find(there, field->name);
}

apr_array_header_t *secsession_standing(apr_pool_t *pool, const apr_array_header_t *fields,
                                        const secsession_asker_t *asker, apr_int64_t now,
                                        int is_with_removed)
{
    apr_array_header_t *standing = apr_array_make(pool, fields->nelts + 1, sizeof(const char *));
    field_t *all = apr_pcalloc(pool, (apr_size_t)(fields->nelts + 1) * sizeof(*all));
    apr_hash_t *last = apr_hash_make(pool), *there = apr_hash_make(pool);

    for (int i = 0; i < fields->nelts; i++) {
        all[i] = read_field(pool, APR_ARRAY_IDX(fields, i, const char *), asker, now);
        if (all[i].cookie) {
            note(last, all[i].cookie, &all[i]);
        }
    }
    for (int i = 0; i < fields->nelts; i++) {
        if (is_there(&all[i], last)) {
            note(there, all[i].name, &all[i]);
        }
    }
    for (int i = 0; i < fields->nelts; i++) {
        if (is_there(&all[i], last) || (is_with_removed && is_gone(&all[i], last, there))) {
            APR_ARRAY_PUSH(standing, const char *) = all[i].text;
        }
    }
    return standing;
}
