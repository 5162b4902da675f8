/* What is known of one session of which something is under way. */
#include "store/vigil.h"

#include <apr_strings.h>

#include "store/answer.h"
#include "store/connection.h"

/* What `until` is instead of a moment. */
#define IN_DOUBT 0
#define ENDED (-1)
#define UNAVAILABLE (-2)

/* The columns of secsession.under_way(). */
enum { LEFT_MS, AGE_MS };

/* The moment at which a session ends that is `age_ms` past its authentication and has `left_ms`
 * left. */
static apr_time_t end_of(const secsession_vigil_t *vigil, apr_time_t now, apr_int64_t age_ms,
                         apr_int64_t left_ms)
{
    apr_int64_t of_location = vigil->absolute * (apr_int64_t)1000 - age_ms;

    return now
           + apr_time_from_msec(vigil->absolute > 0 && of_location < left_ms ? of_location
                                                                             : left_ms);
}

static int is_over(const secsession_vigil_t *vigil)
{
    return atomic_load(&vigil->until) < IN_DOUBT;
}

static void set_until(secsession_vigil_t *vigil, apr_time_t until)
{
    atomic_store(&vigil->until, until > vigil->ends ? vigil->ends : until);
}

/* Nobody takes this back. */
static void end(secsession_vigil_t *vigil, apr_time_t why)
{
    atomic_store(&vigil->until, why);
    if (vigil->tell) {
        vigil->tell(vigil->data, secsession_vigil_outcome(vigil));
    }
}

static int is_unchanged(const secsession_vigil_t *vigil)
{
    return secsession_cache_is_unchanged(vigil->vouchers->cache, vigil->generation, vigil->session,
                                         vigil->user);
}

/* Without a user the key of the session stands for both. */
static void name(secsession_vigil_t *vigil, const secsession_session_t *session)
{
    vigil->session = secsession_key_of_session(session->id);
    apr_cpystrn(vigil->id, session->id, sizeof(vigil->id));
    if (session->user == NULL || !secsession_key_of_user(session->user, &vigil->user)) {
        vigil->user = vigil->session;
    }
}

void secsession_vigil_begin(secsession_vigil_t *vigil, const secsession_vouchers_t *vouchers,
                            const secsession_session_t *session, int absolute)
{
    vigil->vouchers = vouchers;
    vigil->absolute = absolute;
    vigil->generation = session->generation;
    vigil->ends = end_of(vigil, session->told, session->age_ms, session->left_ms);
    vigil->row = -1;
    name(vigil, session);
    set_until(vigil, session->told + vouchers->lease);
    secsession_vigil_is_to_be_asked(vigil, secsession_monotonic());
}

secsession_outcome_t secsession_vigil_outcome(const secsession_vigil_t *vigil)
{
    switch (atomic_load(&vigil->until)) {
    case ENDED:
        return SECSESSION_REVOKED;
    case UNAVAILABLE:
        return SECSESSION_UNAVAILABLE;
    default:
        return SECSESSION_LIVE;
    }
}

int secsession_vigil_is_in_doubt(const secsession_vigil_t *vigil)
{
    return !is_over(vigil) && atomic_load(&vigil->until) <= secsession_monotonic();
}

int secsession_vigil_is_to_be_asked(secsession_vigil_t *vigil, apr_time_t now)
{
    secsession_cache_t *cache = vigil->vouchers->cache;

    if (is_over(vigil)) {
        return 0;
    }
    if (now >= vigil->ends || (cache && !is_unchanged(vigil))) {
        atomic_store(&vigil->until, IN_DOUBT);
        return 1;
    }
    if (cache && secsession_cache_lease(cache) > now) {
        set_until(vigil, secsession_cache_lease(cache));
        return 0;
    }
    return atomic_load(&vigil->until) <= now + SECSESSION_TICK;
}

/* What is good for a while yet can be asked for again. */
static void obey_silence(secsession_vigil_t *vigil)
{
    const secsession_vouchers_t *vouchers = vigil->vouchers;
    apr_time_t now = secsession_monotonic();
    apr_time_t stale = vouchers->cache ? secsession_cache_lease(vouchers->cache) + vouchers->stale
                                       : 0;

    if (now < vigil->ends && now < stale && is_unchanged(vigil)) {
        set_until(vigil, stale);
    } else if (atomic_load(&vigil->until) <= now) {
        end(vigil, UNAVAILABLE);
    }
}

void secsession_vigil_obey(secsession_vigil_t *vigil, const PGresult *answer, apr_time_t asked,
                           secsession_generation_t generation)
{
    int ok = 1;

    if (is_over(vigil)) {
        return;
    }
    if (answer == NULL) {
        obey_silence(vigil);
        return;
    }
    if (PQgetisnull(answer, vigil->row, LEFT_MS)) {
        end(vigil, ENDED);
        return;
    }
    vigil->ends = end_of(vigil, asked, secsession_column_number(answer, vigil->row, AGE_MS, &ok),
                         secsession_column_number(answer, vigil->row, LEFT_MS, &ok));
    vigil->generation = generation;
    if (!ok || vigil->ends <= asked) {
        end(vigil, ok ? ENDED : UNAVAILABLE);
        return;
    }
    set_until(vigil, asked + vigil->vouchers->lease);
}

void secsession_vigil_give_up(secsession_vigil_t *vigil)
{
    end(vigil, UNAVAILABLE);
}
