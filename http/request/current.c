/* Looks up the session of a request, and decides whether it is good at the location of the
 * request. */
#include "http/request/current.h"

#include "http/request/address.h"
#include "http/request/several.h"
#include "http/request/visit.h"
#include "http/users/stamped.h"
#include "session/policy.h"

/* Whether the cookie of the browser is useless from now on. A retired token is useless, too, but
 * the browser has the next one by now, and deleting the cookie would delete that. An unknown token
 * may be one of another server on the same host: browsers send a cookie to all ports. */
static int is_useless(secsession_outcome_t outcome)
{
    return outcome != SECSESSION_LIVE && outcome != SECSESSION_ANONYMOUS
           && outcome != SECSESSION_RETIRED && outcome != SECSESSION_UNKNOWN
           && outcome != SECSESSION_UNAVAILABLE;
}

/* Whoever is sent to the login page because a place has a shorter idle timeout would use the
 * session by that alone, and the place would be open again without a password. What another site
 * makes a browser send is refused where there is a session. */
static int is_polling(const secsession_here_t *here)
{
    return here->location->touch == 0 || secsession_config_is_login(here->location)
           || here->context->is_foreign;
}

static secsession_visit_t visit_of(const secsession_here_t *here)
{
    return (secsession_visit_t){ secsession_config_caps(here->location), is_polling(here) };
}

static void look_up(const secsession_here_t *here)
{
    const secsession_visit_t visit = visit_of(here);
    request_rec *first = secsession_first_request(here->r);
    secsession_context_t *context = here->context;
    secsession_client_t client;

    context->is_looked_up = 1;
    if (context->presented == SECSESSION_COOKIE_SEVERAL) {
        secsession_several_choose(here);
    }
    if (!context->is_token) {
        return;
    }
    client = secsession_address_client(first);
    context->outcome = secsession_store_lookup(here->server->store, first->pool, &context->token,
                                               here->server->realm, &visit, &client,
                                               &context->session);
    if (context->outcome == SECSESSION_LIVE) {
        context->outcome = secsession_stamped_check(first, context->session);
    }
    if (context->parcel) {
        secsession_visit_return(here);
    }
    context->is_useless = is_useless(context->outcome);
}

/* Where it is kept what has been judged for this request. The first request has the context in this
 * place, so that its judgement is in there. */
static secsession_judgement_t *judgement_of(const secsession_here_t *here)
{
    request_rec *r = here->r;
    secsession_judgement_t *judged = &here->context->judged;

    if (r->main || r->prev) {
        judged = ap_get_module_config(r->request_config, &secsession_module);
        if (judged == NULL) {
            judged = apr_pcalloc(r->pool, sizeof(*judged));
            ap_set_module_config(r->request_config, &secsession_module, judged);
        }
    }
    return judged;
}

static void judge(const secsession_here_t *here, secsession_judgement_t *judged)
{
    const secsession_limits_t caps = secsession_config_caps(here->location);
    secsession_context_t *context = here->context;
    secsession_outcome_t outcome = secsession_policy_check(context->session, &caps);

    if (outcome == SECSESSION_LIVE) {
        outcome = secsession_address_check(here, context->session);
    }
    *judged = (secsession_judgement_t){ context->session, here->location, outcome };
}

secsession_outcome_t secsession_current_session(const secsession_here_t *here,
                                                const secsession_session_t **session)
{
    secsession_context_t *context = here->context;
    secsession_judgement_t *judged;

    *session = NULL;
    if (context == NULL || here->location->enabled != 1) {
        return SECSESSION_UNKNOWN;
    }
    if (!context->is_looked_up) {
        look_up(here);
    }
    if (context->outcome != SECSESSION_LIVE && context->outcome != SECSESSION_ANONYMOUS) {
        return context->outcome;
    }
    judged = judgement_of(here);
    if (judged->session != context->session || judged->location != here->location) {
        judge(here, judged);
    }
    *session = judged->outcome == SECSESSION_LIVE ? context->session : NULL;
    return *session ? context->outcome : judged->outcome;
}

const secsession_session_t *secsession_current(const secsession_here_t *here)
{
    const secsession_session_t *session;

    secsession_current_session(here, &session);
    return session;
}

static int is_websocket(request_rec *r)
{
    const char *protocols = apr_table_get(r->headers_in, "Upgrade");

    return protocols && ap_find_token(r->pool, protocols, "websocket");
}

void secsession_current_use(const secsession_here_t *here)
{
    const secsession_visit_t visit = visit_of(here);
    request_rec *first = secsession_first_request(here->r);
    secsession_context_t *context = here->context;

    context->is_in_use = 1;
    if (!is_websocket(first)) {
        secsession_store_use(here->server->store, first->pool, &context->token, context->session,
                             &visit);
    }
}

secsession_outcome_t secsession_current_find(const secsession_here_t *here,
                                             const secsession_hash_t *client)
{
    const secsession_visit_t visit = visit_of(here);
    request_rec *first = secsession_first_request(here->r);
    const secsession_client_t address = secsession_address_client(first);
    secsession_context_t *context = here->context;
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_store_lookup(here->server->store, first->pool, client,
                                                           here->server->realm, &visit, &address,
                                                           &session);

    if (outcome != SECSESSION_LIVE) {
        return outcome;
    }
    context->is_token = 1;
    context->token = *client;
    context->is_found = 1;
    context->outcome = outcome;
    context->session = session;
    context->vigil = NULL; /* that was another session */
    if (secsession_current(here)) {
        secsession_current_use(here);
    }
    return outcome;
}

int secsession_current_look_up(request_rec *r)
{
    const secsession_here_t here = secsession_here(r);

    if (secsession_current(&here) && !here.context->is_in_use) {
        secsession_current_use(&here);
    }
    return DECLINED;
}

int secsession_current_idle_timeout(const secsession_here_t *here,
                                    const secsession_session_t *session)
{
    int location = secsession_config_caps(here->location).idle;

    return location > 0 && location < session->limits.idle ? location : session->limits.idle;
}
