/* Looks into the .htaccess files that httpd has read for a request. */
#include "http/users/owner.h"

#include <http_config.h>
#include <http_core.h>
#include <http_request.h>
#include <string.h>

/* Whether the module takes part in finding out who the user is (check_authn), apart from those that
 * only ask what another one has found out. */
static int has_hook(const char *module)
{
    const apr_array_header_t *hooks = ap_hook_get_check_user_id();

    for (int i = 0; hooks && i < hooks->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(hooks, i, ap_LINK_check_user_id_t).szName, module) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Providers have no hook, but the names of their modules begin alike. mod_ssl has a hook: its
 * SSLUserName takes the user from whatever it names, even from a header field of the request. */
static int authenticates(const char *module)
{
    static const char *const others[] = { "mod_authn_core.c", "mod_secsession.c" };

    for (apr_size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(module, others[i]) == 0) {
            return 0;
        }
    }
    return (strncmp(module, "mod_auth", 8) == 0 && strncmp(module, "mod_authz_", 10) != 0)
           || has_hook(module);
}

/* What a .htaccess file does to the Authorization field counts where httpd goes on to by itself. */
static int says_who(const request_rec *r, const char *module)
{
    return authenticates(module) || (r->prev && strcmp(module, "mod_headers.c") == 0);
}

static int has_credentials(const request_rec *r, const ap_conf_vector_t *config);

static int any_has_credentials(const request_rec *r, const apr_array_header_t *sections)
{
    for (int i = 0; sections && i < sections->nelts; i++) {
        if (has_credentials(r, APR_ARRAY_IDX(sections, i, const ap_conf_vector_t *))) {
            return 1;
        }
    }
    return 0;
}

/* A module has a configuration here only if one of its directives is in the file, or in a <Files>
 * or <If> in it. */
static int has_credentials(const request_rec *r, const ap_conf_vector_t *config)
{
    const core_dir_config *core = ap_get_core_module_config(config);

    for (const module *m = ap_top_module; m; m = m->next) {
        if (ap_get_module_config(config, m) && says_who(r, m->name)) {
            return 1;
        }
    }
    return core && (any_has_credentials(r, core->sec_file) || any_has_credentials(r, core->sec_if));
}

int secsession_owner_is_stranger(const request_rec *r)
{
    for (const struct htaccess_result *file = r->htaccess; file; file = file->next) {
        if (file->htaccess && has_credentials(r, file->htaccess)) {
            return 1;
        }
    }
    return 0;
}

ap_conf_vector_t *secsession_owner_take(request_rec *r)
{
    ap_conf_vector_t *before = r->per_dir_config;

    r->per_dir_config = r->server->lookup_defaults;
    if (ap_location_walk(r) != OK) {
        r->per_dir_config = r->server->lookup_defaults;
    }
    return before;
}
