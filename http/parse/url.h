/* Session ids that applications put into URLs: found, and taken out, as query arguments
 * (?PHPSESSID=...) and as parameters of path segments (;jsessionid=...). */
#ifndef SECSESSION_URL_H
#define SECSESSION_URL_H

#include <apr_pools.h>

/* What has been taken out; each function adds to it. */
typedef struct {
    const char *name; /* of the list of names: the first that was there; NULL: none */
    int in_path;      /* it was a path parameter */
    int is_odd;       /* a path segment that is not the last one was nothing else, or only dots
                       * remain: nobody knows what whoever reads the rest makes of it */
} secsession_url_ids_t;

/* Each gives its text itself where no id is in it, else a copy in `pool`, which is no longer.
 * `names` ends with a NULL. A name is recognised whatever its case, and in every spelling that
 * PHP, Java or CGI.pm take for it: percent-encoded, with blanks before it, an index or a NUL
 * behind it, and "." for "_". An argument or parameter goes with its value, with or without one,
 * however often it is there; what is kept is kept byte for byte and in order. The work is linear
 * in the text's length. */

/* A path, percent-encoded. "%3B" counts as ";" and "%2F" as "/", since httpd decodes both before a
 * backend sees them. An emptied segment that is not the last becomes ".": it must not make two
 * slashes, which begin another host. */
const char *secsession_url_clean_path(apr_pool_t *pool, const char *path, const char *const *names,
                                      secsession_url_ids_t *ids);

/* The arguments behind the "?"; "" where none is left. */
const char *secsession_url_clean_query(apr_pool_t *pool, const char *query,
                                       const char *const *names, secsession_url_ids_t *ids);

/* What a client asks for: /path?query, or a whole URL, as to a proxy. */
const char *secsession_url_clean_target(apr_pool_t *pool, const char *target,
                                        const char *const *names, secsession_url_ids_t *ids);

/* Where a response leads to: a URL or a reference relative to one, of http, https or no scheme. Its
 * scheme and host stay what they are for every browser; what browsers repair before they read it (a
 * blank or a control character in it) is left alone. */
const char *secsession_url_clean_link(apr_pool_t *pool, const char *link, const char *const *names,
                                      secsession_url_ids_t *ids);

/* The value of a Refresh header field: 5; url=link */
const char *secsession_url_clean_refresh(apr_pool_t *pool, const char *refresh,
                                         const char *const *names, secsession_url_ids_t *ids);

#endif
