/* Dates in cookies, read as leniently as browsers do (RFC 6265bis, 5.1.1). */
#ifndef SECSESSION_DATE_H
#define SECSESSION_DATE_H

#include <apr.h>

/* Reads a cookie-date: seconds since the epoch in *seconds. Whether it is one. */
int secsession_date_parse(const char *text, apr_int64_t *seconds);

#endif
