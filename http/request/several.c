/* Chooses between several cookies of our name. Whoever can plant a cookie must not decide whose
 * session a browser is in while it has its own: with two live sessions there is none. */
#include "http/request/several.h"

#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

#include "http/request/address.h"
#include "http/users/stamped.h"
#include "session/parcel.h"

APLOG_USE_MODULE(secsession);

/* What one value stands for. */
typedef struct {
    const char *text;
    secsession_hash_t token;
    secsession_hash_t current; /* the token that its session had when it was asked for */
    const char *id;            /* of the session */
} candidate_t;

/* Asks by the token that the session has now, so that a retired one does no harm. The first cookies
 * of a visitor, which may be behind a token, begin no session here. */
static secsession_outcome_t ask(const secsession_here_t *here, const char *text,
                                candidate_t *candidate)
{
    const secsession_visit_t visit = { secsession_config_caps(here->location), 1 };
    const secsession_server_config_t *server = here->server;
    apr_size_t parcel = secsession_parcel_token(text);
    apr_size_t length = parcel ? parcel : strlen(text);
    request_rec *first = secsession_first_request(here->r);
    const secsession_session_t *session;
    secsession_outcome_t outcome;

    if (secsession_token_hash(server->token_keys, text, length, &candidate->token) != APR_SUCCESS) {
        return SECSESSION_UNKNOWN;
    }
    candidate->text = apr_pstrmemdup(first->pool, text, length);
    candidate->current = candidate->token;
    outcome = secsession_store_follow_exactly(server->store, first->pool, &candidate->current,
                                              server->realm, &visit, secsession_address_of(first),
                                              &session);
    if (outcome == SECSESSION_LIVE) {
        outcome = secsession_stamped_check(first, session);
    }
    if (outcome == SECSESSION_LIVE || outcome == SECSESSION_ANONYMOUS) {
        candidate->id = session->id;
    }
    return outcome;
}

/* Of several tokens of one session, the one that it had when the last of them was asked for: the
 * next may have become the current one meanwhile. NULL: it is none of them. */
static const candidate_t *current_of(const candidate_t *candidates, int count)
{
    const secsession_hash_t *current = &candidates[count - 1].current;

    for (int i = 0; i < count; i++) {
        if (memcmp(&candidates[i].token, current, sizeof(*current)) == 0) {
            return &candidates[i];
        }
    }
    return count == 1 ? candidates : NULL;
}

/* Asks for all values. SECSESSION_LIVE: *chosen is the one to use. SECSESSION_UNKNOWN: nothing is
 * live. SECSESSION_FULL: more is live than one session, or several tokens of it are presented and
 * none of them is the current one. SECSESSION_UNAVAILABLE. */
static secsession_outcome_t ask_for_all(const secsession_here_t *here, candidate_t *chosen)
{
    const secsession_values_t *values = here->context->values;
    candidate_t live[SECSESSION_COOKIE_VALUES] = { 0 };
    const candidate_t *current;
    int count = 0;

    for (int i = 0; i < values->count; i++) {
        secsession_outcome_t outcome = ask(here, values->texts[i], &live[count]);

        if (outcome == SECSESSION_UNAVAILABLE) {
            return outcome;
        }
        if (live[count].id && strcmp(live[count].id, live[0].id) != 0) {
            return SECSESSION_FULL;
        }
        count += live[count].id != NULL;
    }
    if (count == 0) {
        return SECSESSION_UNKNOWN;
    }
    current = current_of(live, count);
    if (current) {
        *chosen = *current;
    }
    return current ? SECSESSION_LIVE : SECSESSION_FULL;
}

void secsession_several_choose(const secsession_here_t *here)
{
    secsession_context_t *context = here->context;
    candidate_t chosen;
    secsession_outcome_t outcome = context->values->count > SECSESSION_COOKIE_VALUES
                                       ? SECSESSION_FULL
                                       : ask_for_all(here, &chosen);

    switch (outcome) {
    case SECSESSION_LIVE:
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, here->r,
                      "SS251: several cookies of our name with different values: one is that of "
                      "session %s, which is used; the others are deleted, in every scope that "
                      "they can have",
                      chosen.id);
        context->is_token = 1;
        context->token = chosen.token;
        context->chosen = chosen.text;
        return;
    case SECSESSION_FULL:
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, here->r,
                      "SS252: several cookies of our name with different values, of which more "
                      "than one stands for a session, or more than three in all: somebody may have "
                      "planted one, so none is used, and all are deleted");
        context->is_useless = 1;
        return;
    default:
        context->outcome = outcome;
    }
}
