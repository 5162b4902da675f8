/* See rotate.h. */
#include "http/request/rotate.h"

#include <http_log.h>

#include "http/request/context.h"
#include "http/setup/config.h"

APLOG_USE_MODULE(secsession);

static int is_due(request_rec *r, const secsession_context_t *context)
{
    const secsession_rotation_t *rotation = &secsession_config_server(r)->rotation;
    const secsession_session_t *session;

    return rotation->interval > 0 && context->is_looked_up && context->new_token == NULL
           && !context->forget && secsession_context_session(r, &session) == SECSESSION_LIVE
           && session->rotated_ms / 1000 >= rotation->interval;
}

void secsession_rotate_offer(request_rec *r)
{
    const secsession_server_config_t *server = secsession_config_server(r);
    secsession_context_t *context = secsession_context_get(r);
    secsession_hash_t next;
    char *text;

    if (!is_due(r, context)) {
        return;
    }
    text = apr_palloc(r->pool, SECSESSION_TOKEN_CHARS + 1);
    if (secsession_token_make(text, &next) == APR_SUCCESS
        && secsession_store_offer(server->store, r->pool, context->session, &context->token, &next,
                                  &server->rotation)
               == SECSESSION_DONE) {
        context->new_token = text;
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "SS227: session %s is offered its next token",
                      context->session->id);
    }
}
