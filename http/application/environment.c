/* See environment.h. */
#include "http/application/environment.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>

#include "http/access/authn.h"
#include "http/request/context.h"
#include "http/setup/config.h"

int secsession_identity_is_reserved(const char *header)
{
    const char *prefix = "SECSESSION_";

    for (; *prefix; prefix++, header++) {
        char c = apr_isalnum(*header) ? (char)apr_toupper(*header) : *header ? '_' : '\0';

        if (c != *prefix) {
            return 0;
        }
    }
    return 1;
}

void secsession_identity_strip(request_rec *r)
{
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)headers->elts;

    for (int i = headers->nelts - 1; i >= 0; i--) {
        if (secsession_identity_is_reserved(entries[i].key)) {
            apr_table_unset(r->headers_in, entries[i].key);
            i = headers->nelts; /* several may have gone */
        }
    }
}

const char *secsession_identity_address(request_rec *r)
{
    const char *zone = strchr(r->useragent_ip, '%');

    return zone ? apr_pstrmemdup(r->pool, r->useragent_ip, (apr_size_t)(zone - r->useragent_ip))
                : r->useragent_ip;
}

static const char *text_of(request_rec *r, apr_int64_t number)
{
    return apr_off_t_toa(r->pool, number);
}

int secsession_identity_idle_timeout(request_rec *r, const secsession_session_t *session)
{
    int location = secsession_config_caps(secsession_config_location(r)).idle;

    return location > 0 && location < session->limits.idle ? location : session->limits.idle;
}

/* First all out, then all in: setting one after the other would compare each with those before it,
 * at every request. */
static void set_environment(request_rec *r, const secsession_session_t *session)
{
    const struct {
        const char *name;
        const char *value;
    } variables[] = {
        { "SECSESSION_ID", session->id },
        { "SECSESSION_CREATED", text_of(r, session->created_at) },
        { "SECSESSION_AUTHENTICATED", text_of(r, session->authenticated_at) },
        { "SECSESSION_EXPIRES", text_of(r, session->expires_at) },
        { "SECSESSION_IDLE", text_of(r, secsession_identity_idle_timeout(r, session)) },
    };
    const apr_size_t count = sizeof(variables) / sizeof(variables[0]);

    for (apr_size_t i = 0; i < count; i++) {
        apr_table_unset(r->subprocess_env, variables[i].name);
    }
    for (apr_size_t i = 0; i < count; i++) {
        apr_table_addn(r->subprocess_env, variables[i].name, variables[i].value);
    }
}

int secsession_identity_fixup(request_rec *r)
{
    const secsession_session_t *session;

    if (secsession_context_session(r, &session) != SECSESSION_LIVE) {
        return DECLINED;
    }
    if (r->user == NULL && secsession_authn_is_ours(r)) {
        r->user = apr_pstrdup(r->pool, session->user);
        r->ap_auth_type = apr_pstrdup(r->pool, SECSESSION_AUTH_TYPE);
    }
    set_environment(r, session);
    return DECLINED;
}
