/* Text that clients have sent, before it goes into the database. */
#ifndef SECSESSION_TEXT_H
#define SECSESSION_TEXT_H

#include <apr_pools.h>

#define SECSESSION_USER_LENGTH 255

/* The name of the user whom `text` names, allocated from `pool`: without the blanks (Unicode's
 * White_Space) at its ends and, if `is_lowercase`, with a to z in place of A to Z. NULL if it is no
 * name: a name has 1 to SECSESSION_USER_LENGTH bytes of valid UTF-8 without control characters.
 * store/sql/207-names.sql does the same to the names that administrators type. */
const char *secsession_text_user(apr_pool_t *pool, const char *text, int is_lowercase);

/* Whether a text without control characters arrives unchanged as the value of a header field, from
 * whose ends every recipient takes blanks away (RFC 9110, 5.5). */
int secsession_text_is_field_value(const char *text);

#endif
