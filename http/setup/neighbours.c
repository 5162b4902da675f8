/* Looks at all servers of the configuration together. */
#include "http/setup/neighbours.h"

#include <http_config.h>
#include <string.h>

#include "http/setup/config.h"

static secsession_server_config_t *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &secsession_module);
}

static int has_name(const apr_array_header_t *names, const char *name)
{
    for (int i = 0; i < names->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(names, i, const char *), name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A browser may send the cookie of one virtual host to all others: to those of the same name on
 * another port, and with Domain= to those of other names. */
void secsession_neighbours_share(apr_pool_t *pool, server_rec *first)
{
    apr_array_header_t *names = apr_array_make(pool, 1, sizeof(const char *));

    for (server_rec *server = first; server; server = server->next) {
        const secsession_server_config_t *config = config_of(server);

        if (config->in_use && !has_name(names, config->cookie.name)) {
            APR_ARRAY_PUSH(names, const char *) = config->cookie.name;
        }
    }
    for (server_rec *server = first; server; server = server->next) {
        config_of(server)->cookies = names;
    }
}
