/* Carries the first cookies of visitors, and begins their sessions. */
#include "http/request/visit.h"

#include <apr_strings.h>

#include "http/request/address.h"
#include "session/parcel.h"

/* The application and mod_session may both have cookies for one response. */
const secsession_jar_t *secsession_visit_add(const secsession_here_t *here,
                                             const secsession_jar_t *cookies)
{
    secsession_context_t *context = here->context;

    if (context->carried == NULL) {
        context->carried = secsession_jar_make(secsession_lasting_pool(here->r));
    }
    for (int i = 0; cookies && i < cookies->nelts; i++) {
        secsession_jar_note(context->carried, &APR_ARRAY_IDX(cookies, i, secsession_kept_t));
    }
    return context->carried;
}

int secsession_visit_begin(const secsession_here_t *here, const secsession_jar_t *cookies)
{
    request_rec *r = here->r;
    const int idle = secsession_config_limits(here->location).idle;
    char token[SECSESSION_TOKEN_SIZE];
    secsession_hash_t hash;
    const char *parcel;

    if (here->context->parcel
        || secsession_token_make(here->server->token_keys, token, &hash) != APR_SUCCESS) {
        return 0;
    }
    parcel = secsession_parcel_make(secsession_lasting_pool(r), here->server->parcel_keys, token,
                                    cookies, apr_time_sec(r->request_time) + idle);
    if (parcel == NULL) {
        return 0;
    }
    here->context->new_token = parcel;
    here->context->forget = 0;
    return 1;
}

void secsession_visit_return(const secsession_here_t *here)
{
    request_rec *first = secsession_first_request(here->r);
    secsession_context_t *context = here->context;
    const secsession_jar_t *cookies = NULL;

    if (context->outcome == SECSESSION_UNKNOWN) {
        cookies = secsession_parcel_open(first->pool, here->server->parcel_keys, context->parcel,
                                         apr_time_sec(first->request_time));
    }
    if (cookies) {
        const secsession_login_t visitor = { .token = context->token,
                                             .realm = here->server->realm,
                                             .client = secsession_address_client(first),
                                             .limits = secsession_config_limits(here->location),
                                             .cookies = cookies };

        context->outcome = secsession_store_begin(here->server->store, first->pool, &visitor,
                                                  &context->session);
    }
    if (context->outcome == SECSESSION_ANONYMOUS) {
        context->new_token = apr_pstrmemdup(first->pool, context->parcel,
                                            secsession_parcel_token(context->parcel));
    }
}
