/* Making the locks that decide which child does what only one may do. */
#include "store/turn.h"

#include <http_config.h>

apr_status_t secsession_turn_create(apr_proc_mutex_t **turn, server_rec *server, const char *name)
{
    apr_proc_mutex_t **retained = ap_retained_data_get(name);
    apr_status_t status = APR_SUCCESS;

    if (retained == NULL) {
        retained = ap_retained_data_create(name, sizeof(apr_proc_mutex_t *));
        status = apr_proc_mutex_create(retained, NULL, APR_LOCK_FCNTL, server->process->pool);
    }
    *turn = *retained;
    return status;
}
