/* Offers a session its next token when the current one is old enough. */
#include "http/request/rotate.h"

#include <http_log.h>

#include "http/request/current.h"

APLOG_USE_MODULE(secsession);

static int is_due(const secsession_here_t *here, const secsession_context_t *context)
{
    const secsession_rotation_t *rotation = &here->server->rotation;
    const secsession_session_t *session;

    return rotation->interval > 0 && context->is_looked_up && context->new_token == NULL
           && !context->forget && !context->is_useless && !context->is_found
           && secsession_current_session(here, &session) == SECSESSION_LIVE
           && session->rotated_ms / 1000 >= rotation->interval;
}

void secsession_rotate_offer(const secsession_here_t *here)
{
    request_rec *r = here->r;
    const secsession_server_config_t *server = here->server;
    secsession_context_t *context = here->context;
    secsession_hash_t next;
    char *text;

    if (!is_due(here, context)) {
        return;
    }
    text = apr_palloc(r->pool, SECSESSION_TOKEN_SIZE);
    if (secsession_token_make(server->token_keys, text, &next) == APR_SUCCESS
        && secsession_store_offer(server->store, r->pool, context->session, server->realm,
                                  &context->token, &next, &server->rotation)
               == SECSESSION_DONE) {
        context->new_token = text;
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "SS227: session %s is offered its next token",
                      context->session->id);
    }
}
