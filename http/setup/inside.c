/* Looks for interpreters that a .htaccess file can use. */
#include "http/setup/inside.h"

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>

#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

/* The one that is loaded; NULL: none is. */
static const char *interpreter(void)
{
    static const char *const known[] = { "mod_lua.c", "mod_perl.c", "mod_python.c" };

    for (apr_size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (ap_find_linked_module(known[i])) {
            return known[i];
        }
    }
    return NULL;
}

/* The first section of a server in which a .htaccess file may say SetHandler; NULL: there is
 * none. */
static const core_dir_config *open_section(const server_rec *server)
{
    const core_server_config *core = ap_get_core_module_config(server->module_config);

    for (int i = 0; i < core->sec_dir->nelts; i++) {
        const ap_conf_vector_t *section = APR_ARRAY_IDX(core->sec_dir, i, const ap_conf_vector_t *);
        const core_dir_config *directory = ap_get_core_module_config(section);

        if (!(directory->override & OR_UNSET) && (directory->override & OR_FILEINFO)) {
            return directory;
        }
    }
    return NULL;
}

void secsession_inside_warn(const server_rec *first)
{
    const char *name = interpreter();

    for (const server_rec *server = first; name && server; server = server->next) {
        const secsession_server_config_t *config = ap_get_module_config(server->module_config,
                                                                        &secsession_module);
        const core_dir_config *section = config->in_use ? open_section(server) : NULL;

        if (section) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, server,
                         "SS323: a .htaccess file below %s can have %s run programs inside httpd, "
                         "which can use its connections to the database, read its keys and be any "
                         "user: do not load it, or write AllowOverride there without FileInfo",
                         section->d, name);
            return;
        }
    }
}
