/* Keeps the URLs of our pages from mod_proxy and mod_rewrite. Neither asks what SetHandler says, so
 * that they are kept out by what they do ask for: the variable "no-proxy", and their configuration
 * of the location. */
#include "http/handlers/claim.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "http/access/authn.h"
#include "http/setup/config.h"

#define NO_PROXY "no-proxy"

/* Keys of r->notes, which belong to this request alone. */
#define TRANSLATING "mod_secsession translates"
#define IS_PROGRAM "mod_secsession program" /* "1": ScriptAlias or the like has a handler for it */
#define FILENAME "mod_secsession filename"
#define QUERY "mod_secsession query"

const char *secsession_claim_name(const request_rec *r)
{
    const char *page = secsession_config_location(r)->page;

    return page && *page && r->proxyreq != PROXYREQ_PROXY ? page : NULL;
}

/* httpd leaves the body unread if a request is refused early, and its fields stay, too. If the body
 * cannot be read, the connection ends after the response. */
int secsession_claim_keep_body(request_rec *r)
{
    if (r->prev && secsession_claim_name(r->prev)) {
        if (ap_discard_request_body(r) != OK) {
            r->connection->keepalive = AP_CONN_CLOSE;
        }
        apr_table_unset(r->headers_in, "Content-Length");
        apr_table_unset(r->headers_in, "Transfer-Encoding");
    }
    return DECLINED;
}

int secsession_claim_pre_translate(request_rec *r)
{
    return secsession_claim_name(r) ? OK : DECLINED;
}

/* The configuration of the location, without what mod_rewrite has in it: to that module, this is a
 * location where it is not used. */
static ap_conf_vector_t *without_rewrite(request_rec *r)
{
    ap_conf_vector_t *copy = ap_create_request_config(r->pool);

    for (const module *m = ap_top_module; m; m = m->next) {
        if (strcmp(m->name, "mod_rewrite.c") != 0) {
            ap_set_module_config(copy, m, ap_get_module_config(r->per_dir_config, m));
        }
    }
    return copy;
}

static int run_without_proxy(request_rec *r)
{
    const char *before = apr_table_get(r->subprocess_env, NO_PROXY);
    int status;

    apr_table_setn(r->subprocess_env, NO_PROXY, "1");
    status = ap_run_translate_name(r);
    if (before) {
        apr_table_setn(r->subprocess_env, NO_PROXY, before);
    } else {
        apr_table_unset(r->subprocess_env, NO_PROXY);
    }
    return status;
}

/* All modules translate the URL, and then all of them but mod_rewrite do once more: a redirect or
 * an error of the first time is the answer, but where it maps the URL to does not count. */
int secsession_claim_translate(request_rec *r)
{
    ap_conf_vector_t *config = r->per_dir_config;
    const request_rec before = *r;
    int status;

    if (!secsession_claim_name(r) || apr_table_get(r->notes, TRANSLATING)) {
        return DECLINED;
    }
    apr_table_setn(r->notes, TRANSLATING, "1");
    status = run_without_proxy(r);
    if (status == OK || status == DECLINED) {
        r->uri = before.uri;
        r->args = before.args;
        r->filename = before.filename;
        r->path_info = before.path_info;
        r->handler = before.handler;
        r->proxyreq = before.proxyreq;
        r->per_dir_config = without_rewrite(r);
        status = run_without_proxy(r);
        r->per_dir_config = config;
        apr_table_setn(r->notes, IS_PROGRAM, r->handler ? "1" : "");
    }
    apr_table_unset(r->notes, TRANSLATING);
    return status;
}

int secsession_claim_admit(request_rec *r)
{
    const char *name = secsession_claim_name(r);

    return name && strcmp(name, "secsession-sessions") != 0 && secsession_authn_is_ours(r)
               ? OK
               : DECLINED;
}

/* A program is no page, and neither is a folder, in which mod_dir must not look for one. */
int secsession_claim_note(request_rec *r)
{
    if (secsession_claim_name(r)) {
        const char *is_program = apr_table_get(r->notes, IS_PROGRAM);

        if (r->finfo.filetype == APR_DIR || (is_program && *is_program)) {
            r->finfo.filetype = APR_NOFILE;
        }
        apr_table_setn(r->notes, FILENAME, r->filename ? r->filename : "");
        apr_table_setn(r->notes, QUERY, r->args ? r->args : "");
    }
    return DECLINED;
}

void secsession_claim_settle(request_rec *r)
{
    const char *filename = apr_table_get(r->notes, FILENAME);
    const char *query = apr_table_get(r->notes, QUERY);

    if (filename && query) {
        r->filename = apr_pstrdup(r->pool, filename);
        r->args = *query ? apr_pstrdup(r->pool, query) : NULL;
        r->proxyreq = PROXYREQ_NONE;
    }
}
