/* Stores the values of the directives about applications: what these are told about the user, which
 * of their requests are corrected or refused, which of their cookies are kept on the server, and
 * which of their responses log a user in or out. */
#include "http/setup/directives_app.h"

#include "http/setup/arguments.h"

const char *secsession_directive_harden(cmd_parms *cmd, void *location, int argc,
                                        char *const argv[])
{
    secsession_location_config_t *config = location;

    return secsession_argument_harden(cmd, argc, argv, &config->harden, &config->harden_except);
}

const char *secsession_directive_url_ids(cmd_parms *cmd, void *location, int argc,
                                         char *const argv[])
{
    return secsession_argument_url_ids(cmd, argc, argv,
                                       &((secsession_location_config_t *)location)->url_ids);
}

const char *secsession_directive_when(cmd_parms *cmd, void *location, const char *expression,
                                      const char *from)
{
    const secsession_when_t **when =
        (const secsession_when_t **)((char *)location + (apr_size_t)cmd->info);

    return secsession_argument_when(cmd, expression, from, when);
}

const char *secsession_directive_try(cmd_parms *cmd, void *location, const char *expression,
                                     const char *from)
{
    return from && strncasecmp(from, "field=", 6) != 0
               ? secsession_argument_wrong(cmd, from, "field= and the name of a form field")
               : secsession_directive_when(cmd, location, expression, from);
}

const char *secsession_directive_logout_when(cmd_parms *cmd, void *location, const char *expression,
                                             const char *answer)
{
    return secsession_argument_logout_when(cmd, expression, answer,
                                           &((secsession_location_config_t *)location)
                                                ->logout_when);
}

const char *secsession_directive_vault(cmd_parms *cmd, void *location, int argc, char *const argv[])
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);

    secsession_vault_t *vault = apr_pcalloc(cmd->pool, sizeof(*vault));
    const char *error = secsession_argument_vault(cmd, argc, argv, vault);

    ((secsession_location_config_t *)location)->vault = vault;
    server->database.has_vaults = 1;
    server->vaulted = server->vaulted
                          ? apr_array_append(cmd->pool, server->vaulted, vault->patterns)
                          : vault->patterns;
    return error;
}

const char *secsession_directive_forward(cmd_parms *cmd, void *data, const char *name)
{
    secsession_server_config_t *server = ap_get_module_config(cmd->server->module_config,
                                                              &secsession_module);
    secsession_location_config_t *location = data;
    apr_array_header_t *names = apr_array_make(cmd->pool, 1, sizeof(name));

    location->forward = "";
    if (strcasecmp(name, "none") == 0) {
        return NULL;
    }
    location->forward = name;
    APR_ARRAY_PUSH(names, const char *) = name;
    server->forwarded = server->forwarded ? apr_array_append(cmd->pool, server->forwarded, names)
                                          : names;
    return secsession_argument_header(cmd, name);
}

const char *secsession_directive_guard(cmd_parms *cmd, void *data, int argc, char *const argv[])
{
    secsession_location_config_t *location = data;

    return secsession_argument_guard(cmd, argc, argv, &location->guard, &location->guard_allows);
}
