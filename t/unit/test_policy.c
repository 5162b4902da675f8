/* session/policy.h: what ends a session, and when, to the millisecond. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/policy.h"

#define HOUR 3600
#define FOR_EVER INT64_MAX

typedef struct {
    apr_int64_t idle_ms, age_ms;
    secsession_limits_t own, location;
    secsession_outcome_t expected;
} case_t;

static void check(const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        secsession_session_t session = { .idle_ms = cases[i].idle_ms,
                                         .age_ms = cases[i].age_ms,
                                         .limits = cases[i].own };
        secsession_outcome_t outcome = secsession_policy_check(&session, &cases[i].location);

        if (outcome != cases[i].expected) {
            fail_msg("case %zu: outcome %d, not %d", i, outcome, cases[i].expected);
        }
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

static void idle_session_ends_at_its_limit(void **state)
{
    static const case_t cases[] = {
        { 0, 0, { 60, HOUR }, { 0, 0 }, SECSESSION_LIVE },
        { 60999, 0, { 60, HOUR }, { 0, 0 }, SECSESSION_LIVE },
        { 61000, 0, { 60, HOUR }, { 0, 0 }, SECSESSION_IDLE },
        { 61001, 0, { 60, HOUR }, { 0, 0 }, SECSESSION_IDLE },
        { 1999, 0, { 1, HOUR }, { 0, 0 }, SECSESSION_LIVE },
        { 2000, 0, { 1, HOUR }, { 0, 0 }, SECSESSION_IDLE },
        { 1817999, 0, { 1800, HOUR }, { 0, 0 }, SECSESSION_LIVE },
        { 1818000, 0, { 1800, HOUR }, { 0, 0 }, SECSESSION_IDLE },
    };

    CHECK(cases);
}

static void session_ends_at_its_absolute_limit_however_busy(void **state)
{
    static const case_t cases[] = {
        { 0, 3599999, { 60, HOUR }, { 0, 0 }, SECSESSION_LIVE },
        { 0, 3600000, { 60, HOUR }, { 0, 0 }, SECSESSION_ABSOLUTE },
        { 0, FOR_EVER, { 60, HOUR }, { 0, 0 }, SECSESSION_ABSOLUTE },
    };

    CHECK(cases);
}

static void both_limits_over_is_said_to_be_the_absolute_one(void **state)
{
    static const case_t cases[] = {
        { 61000, 3600000, { 60, HOUR }, { 0, 0 }, SECSESSION_ABSOLUTE },
        { 61000, 3599999, { 60, HOUR }, { 0, 0 }, SECSESSION_IDLE },
        { FOR_EVER, FOR_EVER, { 60, HOUR }, { 60, HOUR }, SECSESSION_ABSOLUTE },
    };

    CHECK(cases);
}

static void location_shortens(void **state)
{
    static const case_t cases[] = {
        { 30999, 0, { 60, HOUR }, { 30, 0 }, SECSESSION_LIVE },
        { 31000, 0, { 60, HOUR }, { 30, 0 }, SECSESSION_IDLE },
        { 0, 599999, { 60, HOUR }, { 0, 600 }, SECSESSION_LIVE },
        { 0, 600000, { 60, HOUR }, { 0, 600 }, SECSESSION_ABSOLUTE },
        { 30000, 600000, { 60, HOUR }, { 30, 600 }, SECSESSION_ABSOLUTE },
        { 60000, 0, { 60, HOUR }, { 59, 0 }, SECSESSION_IDLE },
        { 0, 3599000, { 60, HOUR }, { 0, HOUR - 1 }, SECSESSION_ABSOLUTE },
    };

    CHECK(cases);
}

static void location_never_lengthens(void **state)
{
    static const case_t cases[] = {
        { 61000, 0, { 60, HOUR }, { 61, 0 }, SECSESSION_IDLE },
        { 61000, 0, { 60, HOUR }, { INT_MAX, INT_MAX }, SECSESSION_IDLE },
        { 0, 3600000, { 60, HOUR }, { 0, HOUR + 1 }, SECSESSION_ABSOLUTE },
        { 0, 3600000, { 60, HOUR }, { INT_MAX, INT_MAX }, SECSESSION_ABSOLUTE },
        { 61000, 0, { 60, HOUR }, { 60, HOUR }, SECSESSION_IDLE },
    };

    CHECK(cases);
}

static void clock_that_was_set_back_logs_nobody_out(void **state)
{
    static const case_t cases[] = {
        { -1, -1, { 1, 1 }, { 0, 0 }, SECSESSION_LIVE },
        { INT64_MIN, INT64_MIN, { 1, 1 }, { 1, 1 }, SECSESSION_LIVE },
        { -1, 1000, { 1, 1 }, { 0, 0 }, SECSESSION_ABSOLUTE },
        { 2000, -1, { 1, 1 }, { 0, 0 }, SECSESSION_IDLE },
    };

    CHECK(cases);
}

static void huge_and_missing_limits_do_not_overflow(void **state)
{
    const apr_int64_t longest = (apr_int64_t)INT_MAX * 1000;
    const case_t cases[] = {
        { longest - 1, longest - 1, { INT_MAX, INT_MAX }, { 0, 0 }, SECSESSION_LIVE },
        { longest + longest / 100, 0, { INT_MAX, INT_MAX }, { 0, 0 }, SECSESSION_IDLE },
        { 0, longest, { INT_MAX, INT_MAX }, { 0, 0 }, SECSESSION_ABSOLUTE },
        { FOR_EVER, FOR_EVER, { 0, 0 }, { 0, 0 }, SECSESSION_LIVE },
        { 6000, FOR_EVER, { 0, 0 }, { 5, 0 }, SECSESSION_IDLE },
        { FOR_EVER, 5000, { 0, 0 }, { 0, 5 }, SECSESSION_ABSOLUTE },
        { 6000, 0, { 5, 0 }, { -1, -1 }, SECSESSION_IDLE },
    };

    CHECK(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_session_ends_at_its_limit),
        cmocka_unit_test(session_ends_at_its_absolute_limit_however_busy),
        cmocka_unit_test(both_limits_over_is_said_to_be_the_absolute_one),
        cmocka_unit_test(location_shortens),
        cmocka_unit_test(location_never_lengthens),
        cmocka_unit_test(clock_that_was_set_back_logs_nobody_out),
        cmocka_unit_test(huge_and_missing_limits_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
