/* Require session-fresh and Require session-method. */
#ifndef SECSESSION_AUTHZ_H
#define SECSESSION_AUTHZ_H

#include <httpd.h>

/* Registers both with mod_authz_core; to be called once, in register_hooks(). */
void secsession_authz_register(apr_pool_t *pool);

#endif
