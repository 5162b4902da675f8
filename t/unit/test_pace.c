/* store/pace.h: how large the next batch is.
 * links: store/pace.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/pace.h"

#define MOST 1000
#define TOO_LONG apr_time_from_msec(200)

static apr_size_t after(apr_size_t size, int took_ms)
{
    return secsession_pace(size, MOST, apr_time_from_msec(took_ms), TOO_LONG);
}

static void slow_batch_is_halved_but_never_empty(void **state)
{
    assert_int_equal(after(100, 201), 50);
    assert_int_equal(after(3, 201), 1);
    assert_int_equal(after(1, 9999), 1);
}

static void batch_that_took_its_time_stays(void **state)
{
    assert_int_equal(after(100, 200), 100);
    assert_int_equal(after(100, 51), 100);
}

static void fast_batch_is_doubled_up_to_the_most(void **state)
{
    assert_int_equal(after(100, 50), 200);
    assert_int_equal(after(500, 0), 1000);
    assert_int_equal(after(501, 0), MOST);
    assert_int_equal(after(MOST, 0), MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_batch_is_halved_but_never_empty),
        cmocka_unit_test(batch_that_took_its_time_stays),
        cmocka_unit_test(fast_batch_is_doubled_up_to_the_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
