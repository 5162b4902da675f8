/* What a client says about itself, made harmless. */
#include "session/client.h"

#include <apr_strings.h>

#define AGENT_LENGTH 255

const char *secsession_client_agent(const secsession_client_t *client, apr_pool_t *pool)
{
    char *clean = client->agent ? apr_pstrndup(pool, client->agent, AGENT_LENGTH) : NULL;

    for (char *c = clean; c && *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    return clean;
}
