/* Reads the bodies of the forms that our own pages post. */
#include "http/handlers/form.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "http/parse/fields.h"

int secsession_form_read(request_rec *r, apr_size_t limit, char **form)
{
    char *body = apr_pcalloc(r->pool, limit + 2); /* one more byte to notice that it is too long */
    apr_size_t length = 0;
    int status;

    if (!secsession_fields_is_form(apr_table_get(r->headers_in, "Content-Type"))) {
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

char *secsession_form_get(apr_pool_t *pool, const char *form, const char *name)
{
    apr_size_t name_length = strlen(name);

    while (form && *form) {
        apr_size_t length = strcspn(form, "&");

        if (length > name_length && form[name_length] == '='
            && strncmp(form, name, name_length) == 0) {
            char *value = apr_pstrmemdup(pool, form + name_length + 1, length - name_length - 1);

            return ap_unescape_urlencoded(value) == OK ? value : NULL;
        }
        form += length + (form[length] == '&');
    }
    return NULL;
}
