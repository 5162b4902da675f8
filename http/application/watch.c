/* Looks up a session again and again while a request of it goes on. */
#include "http/application/watch.h"

#include "http/request/address.h"
#include "http/request/current.h"
#include "http/users/stamped.h"

#define CHECK_EVERY apr_time_from_msec(250)

void secsession_watch_begin(secsession_watch_t *watch, const secsession_here_t *here)
{
    const secsession_session_t *session;
    secsession_outcome_t outcome = secsession_current_session(here, &session);

    *watch = (secsession_watch_t){
        .r = here->r,
        .outcome = session ? outcome : SECSESSION_UNKNOWN,
        .authenticated_at = session ? session->authenticated_at : 0,
        .token = here->context->token,
    };
}

/* What was opened before a login must not be used after it (I5). */
static int is_same_login(const secsession_watch_t *watch, const secsession_session_t *session)
{
    return session->authenticated_at == watch->authenticated_at
           && secsession_stamped_check(watch->r, session) == SECSESSION_LIVE;
}

static int is_due(secsession_watch_t *watch)
{
    apr_time_t now = apr_time_now();

    if (now >= watch->checked && now - watch->checked < CHECK_EVERY) {
        return 0;
    }
    watch->checked = now;
    return 1;
}

int secsession_watch_is_good(secsession_watch_t *watch, int is_use)
{
    const secsession_server_config_t *server = secsession_config_server(watch->r);
    const secsession_location_config_t *location = secsession_config_location(watch->r);
    const secsession_visit_t visit = { secsession_config_caps(location),
                                       !is_use || location->touch == 0 };
    const secsession_session_t *session;

    if (watch->outcome == SECSESSION_UNKNOWN || !is_due(watch)) {
        return 1;
    }
    if (watch->scratch == NULL) {
        apr_pool_create(&watch->scratch, watch->r->pool);
    }
    apr_pool_clear(watch->scratch);
    return secsession_store_follow(server->store, watch->scratch, &watch->token, server->realm,
                                   &visit, secsession_address_of(watch->r), &session)
               == watch->outcome
           && (watch->outcome != SECSESSION_LIVE || is_same_login(watch, session));
}
