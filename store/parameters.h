/* The values that a statement is run with, added one after the other. */
#ifndef SECSESSION_PARAMETERS_H
#define SECSESSION_PARAMETERS_H

#include <apr_pools.h>

#include "session/token.h"

#define SECSESSION_PARAMETERS 20

/* In PostgreSQL's text format or (format 1) binary; a NULL value is SQL's null. All zero: none. */
typedef struct {
    int count;
    const char *values[SECSESSION_PARAMETERS];
    int lengths[SECSESSION_PARAMETERS];
    int formats[SECSESSION_PARAMETERS];
} secsession_parameters_t;

/* Each adds one, `value` or `bytes` NULL: SQL's null. The values are not copied. One that there is
 * no room for is a mistake in this module: the process aborts, whatever it was built with. */
void secsession_parameters_add_text(secsession_parameters_t *parameters, const char *value);
void secsession_parameters_add_truth(secsession_parameters_t *parameters, int value);
void secsession_parameters_add_number(secsession_parameters_t *parameters, apr_pool_t *pool,
                                      apr_int64_t value);
void secsession_parameters_add_bytes(secsession_parameters_t *parameters, const void *bytes,
                                     int length);
void secsession_parameters_add_hash(secsession_parameters_t *parameters,
                                    const secsession_hash_t *hash);

#endif
