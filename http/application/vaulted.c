/* Decides by name and by property, and learns names.
 *
 * Of a cookie that a client sends nobody knows whether the application had set it with HttpOnly; a
 * script may have set it, or somebody may have planted it. So what an application sets is learnt:
 * a name that has been set with HttpOnly once, or that the vault of the session has, is the vault's
 * from then on. As long as an application has set none for the vault, and no cookie of one goes
 * with the request, it only gets cookies that it has set itself, without HttpOnly: an application
 * that takes up whatever session id it is given would never set its own, by which its name is
 * learnt. What only removes a cookie teaches nothing. */
#include "http/application/vaulted.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <string.h>

#include "http/parse/attributes.h"
#include "http/parse/readings.h"
#include "http/setup/learnt.h"
#include "session/span.h"

APLOG_USE_MODULE(secsession);

int secsession_vaulted_is_on(const secsession_here_t *here)
{
    return here->location->enabled == 1 && here->location->vault != NULL;
}

static int matches(const apr_array_header_t *patterns, const char *name)
{
    for (int i = 0; i < patterns->nelts; i++) {
        if (apr_fnmatch(APR_ARRAY_IDX(patterns, i, const char *), name, APR_FNM_CASE_BLIND)
            == APR_SUCCESS) {
            return 1;
        }
    }
    return 0;
}

static int is_in_jar(const secsession_jar_t *jar, const char *name)
{
    for (int i = 0; jar && i < jar->nelts; i++) {
        if (secsession_learnt_is_same(APR_ARRAY_IDX(jar, i, secsession_kept_t).name, name)) {
            return 1;
        }
    }
    return 0;
}

/* Whether a name is one of the vault's. */
static int is_kept(const char *name, const void *data)
{
    const secsession_here_t *here = data;
    const secsession_vault_t *vault = here->location->vault;

    return matches(vault->patterns, name)
           || (vault->is_by_property
               && (secsession_learnt_is(SECSESSION_LEARNT_HIDDEN, here->server, name)
                   || is_in_jar(here->context->vaulted.jar, name)));
}

/* The same as long as nothing is known of the application. */
static int is_kept_or_unknown(const char *name, const void *data)
{
    const secsession_here_t *here = data;

    return is_kept(name, data) || !secsession_learnt_is(SECSESSION_LEARNT_OPEN, here->server, name);
}

secsession_asker_t secsession_vaulted_asker(request_rec *r)
{
    const char *target = secsession_asked_for(r);
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");
    char *host = apr_pstrdup(r->pool, r->hostname ? r->hostname : ap_get_server_name(r));

    ap_str_tolower(host);
    return (secsession_asker_t){
        .host = host,
        .path = apr_pstrmemdup(r->pool, target, strcspn(target, "?#")),
        .is_cross_site = site && strcmp(site, "cross-site") == 0,
        .is_top_level = mode && strcmp(mode, "navigate") == 0
                        && (r->method_number == M_GET || r->method_number == M_OPTIONS),
    };
}

/* --- responses ------------------------------------------------------------------------------- */

/* Whether the application of this location has set a cookie for the vault: under an empty name. */
static int is_known(const secsession_here_t *here)
{
    return secsession_learnt_is(SECSESSION_LEARNT_HIDDEN, here->location->vault, "");
}

static void learn(const secsession_here_t *here, const char *field, secsession_learnt_t what)
{
    const secsession_span_t name = secsession_span_trim(field, field + strcspn(field, "=;"));

    if (what == SECSESSION_LEARNT_HIDDEN || !is_known(here)) {
        secsession_learnt_note(what, here->server, name.start, (apr_size_t)(name.end - name.start));
    }
}

/* Many programs remove cookies with other attributes than they have set them with. */
static int is_removal(request_rec *r, const char *field)
{
    const secsession_asker_t asker = secsession_vaulted_asker(r);
    secsession_kept_t cookie;

    return secsession_jar_parse(r->pool, field, &asker, apr_time_sec(r->request_time), &cookie)
           && cookie.value == NULL;
}

static int is_of_name(const secsession_here_t *here, const char *field)
{
    return secsession_readings_any(here->r->pool, field, field + strcspn(field, ";"), is_kept,
                                   here);
}

int secsession_vaulted_takes(const secsession_here_t *here, const char *field)
{
    int is_hidden;

    if (!secsession_vaulted_is_on(here)) {
        return 0;
    }
    if (!here->location->vault->is_by_property || is_removal(here->r, field)) {
        return is_of_name(here, field);
    }
    is_hidden = secsession_attributes_is_http_only(field);
    learn(here, field, is_hidden ? SECSESSION_LEARNT_HIDDEN : SECSESSION_LEARNT_OPEN);
    if (!is_hidden && !is_of_name(here, field)) {
        return 0;
    }
    secsession_learnt_note(SECSESSION_LEARNT_HIDDEN, here->location->vault, "", 0);
    return 1;
}

/* --- requests -------------------------------------------------------------------------------- */

/* Copies what is not meant to `to`, which is returned behind it. */
static char *copy_others(const secsession_here_t *here, const char *field,
                         secsession_name_is_meant_t *is_meant, char *to)
{
    const char *begin = to;

    while (*field) {
        const char *start = field + strspn(field, "; \t");
        apr_size_t length = strcspn(start, ";");

        if (length > 0
            && !secsession_readings_any(here->r->pool, start, start + length, is_meant, here)) {
            to = apr_cpystrn(to, to > begin ? "; " : "", 3);
            memcpy(to, start, length);
            to += length;
        }
        field = start + length;
    }
    *to = '\0';
    return to;
}

static void tell_of_withheld(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS283: the application at %s does not get those cookies of the client that it "
                  "has not set, as long as it has set none for the vault; if it never does, leave "
                  "out SecSessionVault httponly",
                  r->uri);
}

const char *secsession_vaulted_without(const secsession_here_t *here, const char *field,
                                       int has_kept)
{
    const int is_strict = here->location->vault->is_by_property && !has_kept && !is_known(here);
    char *kept, *end;

    if (field == NULL) {
        return NULL;
    }
    kept = apr_palloc(here->r->pool, 2 * strlen(field) + 1); /* a blank after each semicolon */
    end = copy_others(here, field, is_strict ? is_kept_or_unknown : is_kept, kept);
    if (is_strict && (apr_size_t)(end - kept) < strlen(field)) {
        tell_of_withheld(here->r);
    }
    return end > kept ? kept : NULL;
}
