/* Recognises header fields and cookies that only this module may set, and removes them. */
#include "http/request/reserved.h"

#include <apr_lib.h>
#include <string.h>

#include "http/parse/cookie.h"

#define PREFIX "SecSession-"

static char normal(char c)
{
    return apr_isalnum(c) ? (char)apr_toupper(c) : '_';
}

static const char *skip_blanks(const char *text)
{
    while (apr_isspace(*text)) {
        text++;
    }
    return text;
}

const char *secsession_reserved_after(const char *name, const char *prefix)
{
    name = skip_blanks(name);
    while (*prefix && *name && normal(*name) == normal(*prefix)) {
        name++;
        prefix++;
    }
    return *prefix == '\0' ? name : NULL;
}

int secsession_reserved_is_field(const char *name)
{
    return secsession_reserved_after(name, PREFIX) != NULL;
}

int secsession_reserved_is_same(const char *name, const char *ours)
{
    const char *rest = secsession_reserved_after(name, ours);

    return rest && strchr("=[", *skip_blanks(rest)); /* strchr() also finds the NUL at the end */
}

int secsession_reserved_is_told(const secsession_server_config_t *server, const char *name)
{
    for (int i = 0; server->forwarded && i < server->forwarded->nelts; i++) {
        if (secsession_reserved_is_same(name, APR_ARRAY_IDX(server->forwarded, i, const char *))) {
            return 1;
        }
    }
    return secsession_reserved_is_field(name) || secsession_reserved_is_same(name, "Cookie");
}

apr_table_t *secsession_reserved_without(apr_pool_t *pool, apr_table_t *fields,
                                         int (*is_meant)(const char *field, const void *data),
                                         const void *data)
{
    const apr_array_header_t *array = apr_table_elts(fields);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;
    apr_table_t *kept;
    int found = 0;

    while (found < array->nelts && !is_meant(entries[found].key, data)) {
        found++;
    }
    if (found == array->nelts) {
        return fields;
    }
    kept = apr_table_make(pool, array->nelts);
    for (int i = 0; i < array->nelts; i++) {
        if (i < found || !is_meant(entries[i].key, data)) {
            apr_table_addn(kept, entries[i].key, entries[i].val);
        }
    }
    return kept;
}

static int is_ours(const char *field, const void *none)
{
    return secsession_reserved_is_field(field);
}

static int is_named(const char *field, const void *name)
{
    return secsession_reserved_is_same(field, name);
}

void secsession_reserved_strip_request(request_rec *r)
{
    r->headers_in = secsession_reserved_without(r->pool, r->headers_in, is_ours, NULL);
}

void secsession_reserved_strip_name(request_rec *r, const char *name)
{
    r->headers_in = secsession_reserved_without(r->pool, r->headers_in, is_named, name);
}

int secsession_reserved_is_set_by(const secsession_here_t *here, const char *field)
{
    return secsession_cookie_is_set_by(field, here->server->cookie.name);
}

/* Whether only this module may send this field. This is called for every field of every response,
 * so that the first letter is compared first, which is enough for most. */
static int is_not_theirs(const apr_table_entry_t *field, const char *cookie)
{
    if (*field->key != 'S' && *field->key != 's') {
        return 0;
    }
    return secsession_reserved_is_field(field->key)
           || (strcasecmp(field->key, "Set-Cookie") == 0
               && secsession_cookie_is_set_by(field->val, cookie));
}

/* Returns the same table, or a copy without such fields if there are any. */
static apr_table_t *without_ours(request_rec *r, apr_table_t *headers, const char *cookie)
{
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)array->elts;
    apr_table_t *kept;
    int found = 0;

    for (int i = 0; i < array->nelts && !found; i++) {
        found = is_not_theirs(&entries[i], cookie);
    }
    if (!found) {
        return headers;
    }
    kept = apr_table_make(r->pool, array->nelts);
    for (int i = 0; i < array->nelts; i++) {
        if (!is_not_theirs(&entries[i], cookie)) {
            apr_table_addn(kept, entries[i].key, entries[i].val);
        }
    }
    return kept;
}

void secsession_reserved_strip_response(const secsession_here_t *here)
{
    request_rec *r = here->r;

    r->headers_out = without_ours(r, r->headers_out, here->server->cookie.name);
    r->err_headers_out = without_ours(r, r->err_headers_out, here->server->cookie.name);
}

void secsession_reserved_strip_trailers(const secsession_here_t *here)
{
    request_rec *r = here->r;

    apr_table_unset(r->trailers_out, "Set-Cookie");
    r->trailers_out = without_ours(r, r->trailers_out, here->server->cookie.name);
}
