/* Fills the arrays that libpq takes the values of a statement from. */
#include "store/parameters.h"

#include <apr_strings.h>
#include <httpd.h>

static void add(secsession_parameters_t *parameters, const char *value, int length, int format)
{
    int n = parameters->count;

    ap_assert(n >= 0 && n < SECSESSION_PARAMETERS);
    parameters->values[n] = value;
    parameters->lengths[n] = length;
    parameters->formats[n] = format;
    parameters->count = n + 1;
}

/* libpq takes the length of text from its NUL. */
void secsession_parameters_add_text(secsession_parameters_t *parameters, const char *value)
{
    add(parameters, value, 0, 0);
}

void secsession_parameters_add_bytes(secsession_parameters_t *parameters, const void *bytes,
                                     int length)
{
    add(parameters, bytes, length, 1);
}

void secsession_parameters_add_truth(secsession_parameters_t *parameters, int value)
{
    secsession_parameters_add_text(parameters, value ? "true" : "false");
}

void secsession_parameters_add_number(secsession_parameters_t *parameters, apr_pool_t *pool,
                                      apr_int64_t value)
{
    secsession_parameters_add_text(parameters, apr_psprintf(pool, "%" APR_INT64_T_FMT, value));
}

void secsession_parameters_add_hash(secsession_parameters_t *parameters,
                                    const secsession_hash_t *hash)
{
    secsession_parameters_add_bytes(parameters, hash ? hash->bytes : NULL, SECSESSION_HASH_BYTES);
}
