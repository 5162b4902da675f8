/* See forward.h. */
#include "http/application/forward.h"

#include <apr_lib.h>

#include "http/request/context.h"
#include "http/setup/config.h"

static char normal(char c)
{
    return apr_isalnum(c) ? (char)apr_toupper(c) : '_';
}

static int is_same(const char *header, const char *name)
{
    while (*header && *name && normal(*header) == normal(*name)) {
        header++;
        name++;
    }
    return *header == '\0' && *name == '\0';
}

static void take_out(request_rec *r, const char *name)
{
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)headers->elts;

    for (int i = headers->nelts - 1; i >= 0; i--) {
        if (is_same(entries[i].key, name)) {
            apr_table_unset(r->headers_in, entries[i].key);
            i = headers->nelts; /* several may have gone */
        }
    }
}

int secsession_forward_strip(request_rec *r)
{
    const apr_array_header_t *names = secsession_config_server(r)->forwarded;

    for (int i = 0; names && i < names->nelts; i++) {
        take_out(r, APR_ARRAY_IDX(names, i, const char *));
    }
    return DECLINED;
}

/* An internal redirect has the fields of its first request, which may have been for another
 * location. */
int secsession_forward_fixup(request_rec *r)
{
    const char *name = secsession_config_location(r)->forward;
    const secsession_session_t *session;

    secsession_forward_strip(r);
    if (name && *name && secsession_context_session(r, &session) == SECSESSION_LIVE) {
        apr_table_setn(r->headers_in, name, session->user);
    }
    return DECLINED;
}
