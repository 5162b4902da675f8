/* Whose word it is that a user has authenticated. Where AllowOverride lets them, .htaccess files
 * name users files and providers of their own; who writes these files is not who runs the server,
 * and must not be able to make somebody a user of the realm. */
#ifndef SECSESSION_OWNER_H
#define SECSESSION_OWNER_H

#include <httpd.h>

/* Whether a .htaccess file that was read for this request has a directive of a module that
 * authenticates users, which mod_ssl does with certificates; or, if the request was redirected
 * internally, one of mod_headers, which may have given it an Authorization field. AuthType,
 * AuthName, Require and their like do not count: they choose among what the server's configuration
 * has. */
int secsession_owner_is_stranger(const request_rec *r);

/* Gives the request the configuration that it has without any .htaccess file, and without
 * <Directory> and <Files>: that of the server and of its <Location>s. Returns the one it had, to be
 * put back into r->per_dir_config. */
struct ap_conf_vector_t *secsession_owner_take(request_rec *r);

#endif
