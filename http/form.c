/* See form.h. */
#include "http/form.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

int secsession_form_is_urlencoded(const char *type)
{
    apr_size_t length = sizeof(FORM_TYPE) - 1;

    return strncasecmp(type, FORM_TYPE, length) == 0
           && strchr("; \t", type[length]); /* strchr finds the NUL at the end too */
}

int secsession_form_read(request_rec *r, apr_size_t limit, char **form)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    char *body = apr_pcalloc(r->pool, limit + 2); /* one byte more shows that it is too long */
    apr_size_t length = 0;
    int status;

    if (type == NULL || !secsession_form_is_urlencoded(type)) {
        return HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
    if (status != OK) {
        return status;
    }
    if (r->remaining > (apr_off_t)limit) {
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    if (ap_should_client_block(r)) {
        long got;

        while ((got = ap_get_client_block(r, body + length, limit + 1 - length)) > 0) {
            length += (apr_size_t)got;
            if (length > limit) {
                return HTTP_REQUEST_ENTITY_TOO_LARGE;
            }
        }
        if (got < 0) {
            return HTTP_BAD_REQUEST;
        }
    }
    if (memchr(body, '\0', length)) {
        return HTTP_BAD_REQUEST;
    }
    *form = body;
    return OK;
}

/* The pair called `name` at or behind `form`, which then points behind it; NULL if there is none. The
 * name may be encoded. */
static const char *next_pair(apr_pool_t *pool, const char **form, const char *name)
{
    while (*form && **form) {
        const char *pair = *form;
        apr_size_t length = strcspn(pair, "&"), name_length = strcspn(pair, "=&");
        char *found = apr_pstrmemdup(pool, pair, name_length);

        *form += length + (pair[length] == '&');
        if (pair[name_length] == '=' && ap_unescape_urlencoded(found) == OK
            && strcmp(found, name) == 0) {
            return apr_pstrmemdup(pool, pair + name_length + 1, length - name_length - 1);
        }
    }
    return NULL;
}

char *secsession_form_get(apr_pool_t *pool, const char *form, const char *name)
{
    const char *pair = next_pair(pool, &form, name);
    char *value = apr_pstrdup(pool, pair);

    return value && ap_unescape_urlencoded(value) == OK ? value : NULL;
}

char *secsession_form_get_only(apr_pool_t *pool, const char *form, const char *name)
{
    char *value = secsession_form_get(pool, form, name);
    const char *pair;

    while (value && (pair = next_pair(pool, &form, name)) != NULL) {
        char *other = apr_pstrdup(pool, pair);

        if (ap_unescape_urlencoded(other) != OK || strcmp(other, value) != 0) {
            return NULL;
        }
    }
    return value;
}
