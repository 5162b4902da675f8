/* Copies the body of a request while the application reads it, and finds a field in the copy. */
#include "http/application/tee.h"

#include <apr_strings.h>
#include <util_filter.h>

#include "http/parse/fields.h"
#include "http/parse/json.h"
#include "http/parse/multipart.h"
#include "http/request/context.h"

#define MOST 65536 /* bytes */

static ap_filter_rec_t *filter;

/* The copy, which is always NUL-terminated. */
typedef struct {
    char bytes[MOST + 1];
    apr_size_t length;
    int is_cut; /* the body is longer */
} copy_t;

static void add(copy_t *copy, const char *data, apr_size_t length)
{
    if (length > MOST - copy->length) {
        length = MOST - copy->length;
        copy->is_cut = 1;
    }
    memcpy(copy->bytes + copy->length, data, length);
    copy->length += length;
    copy->bytes[copy->length] = '\0';
}

/* Copies what the application reads, without changing it. */
static apr_status_t copy_body(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                              apr_read_type_e block, apr_off_t readbytes)
{
    apr_status_t status = ap_get_brigade(f->next, brigade, mode, block, readbytes);
    copy_t *copy = f->ctx;

    if (status != APR_SUCCESS || mode == AP_MODE_SPECULATIVE) {
        return status;
    }
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade) && !copy->is_cut;
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *data;
        apr_size_t length;

        if (APR_BUCKET_IS_METADATA(bucket)) {
            continue;
        }
        status = apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ);
        if (status != APR_SUCCESS) {
            return status;
        }
        add(copy, data, length);
    }
    return APR_SUCCESS;
}

void secsession_tee_register(void)
{
    filter = ap_register_input_filter("secsession form", copy_body, NULL, AP_FTYPE_CONTENT_SET);
}

void secsession_tee_insert(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_context_t *context = here->context;

    if (context->form == NULL) {
        copy_t *copy = apr_palloc(r->pool, sizeof(*copy));

        copy->length = 0;
        copy->is_cut = 0;
        copy->bytes[0] = '\0';
        context->form = copy;
        ap_add_input_filter_handle(filter, copy, r, r->connection);
    }
}

/* Whether the copy is all that the application has read. If the application has read more, or has
 * decoded it, nobody knows which field it used. */
static int is_whole(request_rec *r, const copy_t *copy)
{
    return !copy->is_cut && strlen(copy->bytes) == copy->length
           && apr_table_get(r->headers_in, "Content-Encoding") == NULL;
}

static const char *read_field(apr_pool_t *pool, const char *type, const copy_t *copy,
                              const char *name)
{
    if (secsession_fields_are_urlencoded(type)) {
        return secsession_fields_only(pool, copy->bytes, name);
    }
    return secsession_fields_are_json(type)
               ? secsession_json_get(pool, copy->bytes, name)
               : secsession_multipart_get(pool, type, copy->bytes, copy->length, name);
}

const char *secsession_tee_field(const secsession_here_t *here, const char *name)
{
    request_rec *r = here->r;
    const copy_t *copy = here->context->form;
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    const char *value;

    if (copy == NULL || type == NULL || !is_whole(r, copy)) {
        return NULL;
    }
    value = read_field(r->pool, type, copy, name);
    /* Some applications look for a field in the query string first. */
    return value && !secsession_fields_contradict(r->pool, r->args, name, value) ? value : NULL;
}

int secsession_tee_lacks(const secsession_here_t *here, const char *name)
{
    request_rec *r = here->r;
    const copy_t *copy = here->context->form;
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    if (copy == NULL || type == NULL || !is_whole(r, copy)
        || (r->args && secsession_fields_are_there(r->pool, r->args, name))) {
        return 0;
    }
    return secsession_fields_are_urlencoded(type)
               ? secsession_fields_lack(r->pool, copy->bytes, name)
               : secsession_fields_are_json(type)
                     && secsession_json_lacks(r->pool, copy->bytes, name);
}
