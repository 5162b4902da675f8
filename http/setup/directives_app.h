/* The functions that the table in directives.c names for the directives about applications. httpd
 * calls them with the arguments of the directive. Each stores the value in the configuration of the
 * location, and in that of the server if the server needs it, too. Each returns NULL, or an error
 * message from cmd->pool that stops httpd. */
#ifndef SECSESSION_DIRECTIVES_APP_H
#define SECSESSION_DIRECTIVES_APP_H

#include <httpd.h>
#include <http_config.h>

const char *secsession_directive_harden(cmd_parms *cmd, void *location, int argc,
                                        char *const argv[]);
const char *secsession_directive_url_ids(cmd_parms *cmd, void *location, int argc,
                                         char *const argv[]);
const char *secsession_directive_when(cmd_parms *cmd, void *location, const char *expression,
                                      const char *from);
const char *secsession_directive_try(cmd_parms *cmd, void *location, const char *expression,
                                     const char *from);
const char *secsession_directive_logout_when(cmd_parms *cmd, void *location, const char *expression,
                                             const char *answer);
const char *secsession_directive_vault(cmd_parms *cmd, void *location, int argc,
                                       char *const argv[]);
const char *secsession_directive_forward(cmd_parms *cmd, void *data, const char *name);
const char *secsession_directive_guard(cmd_parms *cmd, void *data, int argc, char *const argv[]);

#endif
