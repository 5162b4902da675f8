/* Interpreters that run programs inside httpd's own processes. */
#ifndef SECSESSION_INSIDE_H
#define SECSESSION_INSIDE_H

#include <httpd.h>

/* check_config: warns if .htaccess files may name programs that such an interpreter runs. */
void secsession_inside_warn(const server_rec *first);

#endif
