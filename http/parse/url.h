/* Session ids that applications put into URLs are found and removed, both from the query
 * (?PHPSESSID=...) and from the parameters of path segments (;jsessionid=...). */
#ifndef SECSESSION_URL_H
#define SECSESSION_URL_H

#include <apr_pools.h>

/* What has been removed. Set all members to zero first; each function adds to them. */
typedef struct {
    const char *name; /* the first name of the list that was found; NULL: none was */
    int in_path;      /* it was a parameter of the path */
    int is_odd;       /* without it a segment consists only of dots, or one that is not the last is
                       * empty: programs would disagree about what the rest of the path means */
} secsession_url_ids_t;

/* Each function returns its text itself if no session id is in it, else a copy allocated from
 * `pool`, which is never longer. `names` ends with a NULL. Names are compared without regard to
 * case, and are recognised in every spelling that PHP, Java or CGI.pm accept: percent-encoded, with
 * blanks before them, with an index or a NUL after them, and with "." in place of "_". An argument
 * or parameter is removed together with its value, if it has one, as often as it occurs; everything
 * else is kept byte for byte and in order. The time that this takes is linear in the length of the
 * text. */

/* A percent-encoded path. "%3B" counts as ";" and "%2F" as "/", since httpd decodes both before a
 * backend sees them. A segment that would be empty becomes "." unless it is the last one, since two
 * slashes at the start would make the next segment a host. */
const char *secsession_url_clean_path(apr_pool_t *pool, const char *path, const char *const *names,
                                      secsession_url_ids_t *ids);

/* The query after the "?"; "" if no argument is left. */
const char *secsession_url_clean_query(apr_pool_t *pool, const char *query,
                                       const char *const *names, secsession_url_ids_t *ids);

/* A request target: /path?query, or a whole URL, as clients send it to a proxy. */
const char *secsession_url_clean_target(apr_pool_t *pool, const char *target,
                                        const char *const *names, secsession_url_ids_t *ids);

/* The target of a link in a response: a URL with the scheme http or https, or a relative reference.
 * No browser sees another scheme or host than before. A link that browsers repair before they use
 * it, because it contains a blank or a control character, is not changed. */
const char *secsession_url_clean_link(apr_pool_t *pool, const char *link, const char *const *names,
                                      secsession_url_ids_t *ids);

/* The value of a Refresh header field, such as "5; url=link". */
const char *secsession_url_clean_refresh(apr_pool_t *pool, const char *refresh,
                                         const char *const *names, secsession_url_ids_t *ids);

/* The value of a Link header field (RFC 8288, 3), such as "<link>; rel=next, <link>". */
const char *secsession_url_clean_links(apr_pool_t *pool, const char *links,
                                       const char *const *names, secsession_url_ids_t *ids);

#endif
