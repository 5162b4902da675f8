/* session/standing.h: which cookies a browser has when it has read all Set-Cookie fields. */
#include "t/unit/jar.h"

#include "session/standing.h"

#define SET "sid=1; Path=/"
#define EXPIRED "; Expires=Thu, 01 Jan 1970 00:00:00 GMT"

static const char *joined(const char *const *fields, int is_with_removed)
{
    apr_array_header_t *array = apr_array_make(pool, 4, sizeof(const char *));
    const char *all = "";

    for (; *fields; fields++) {
        APR_ARRAY_PUSH(array, const char *) = *fields;
    }
    array = secsession_standing(pool, array, &HERE, NOW, is_with_removed);
    for (int i = 0; i < array->nelts; i++) {
        all = apr_pstrcat(pool, all, i ? " | " : "", APR_ARRAY_IDX(array, i, const char *), NULL);
    }
    return all;
}

#define FIELDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define LEFT(expected, ...) assert_string_equal(joined(FIELDS(__VA_ARGS__), 0), expected)
#define SEEN(expected, ...) assert_string_equal(joined(FIELDS(__VA_ARGS__), 1), expected)

static void the_last_field_of_a_cookie_counts(void **state)
{
    LEFT("sid=2; Path=/", SET, "sid=2; Path=/");
    SEEN("sid=2; Path=/", SET, "sid=2; Path=/");
    LEFT("b=1 | " SET, "sid=0; Path=/", "b=1", SET);
    LEFT(SET " | SID=2; Path=/", SET, "SID=2; Path=/");
}

static void a_cookie_that_is_removed_and_set_is_set(void **state)
{
    const char *const removals[] = { "sid=-del-; Path=/" EXPIRED, "sid=deleted; Max-Age=0; Path=/",
                                     "sid=; path=/; max-age=-1", "sid=1; Path=/; Max-Age=0" };

    for (size_t i = 0; i < COUNT(removals); i++) {
        LEFT(SET, removals[i], SET);
        SEEN(SET, removals[i], SET);
    }
}

static void a_cookie_that_is_set_and_removed_is_removed(void **state)
{
    LEFT("", SET, "sid=x; Path=/" EXPIRED);
    SEEN("sid=x; Path=/" EXPIRED, SET, "sid=x; Path=/" EXPIRED);
    LEFT("", "sid=deleted; Max-Age=0");
    SEEN("sid=deleted; Max-Age=0", "sid=deleted; Max-Age=0");
}

static void an_empty_value_alone_removes_nothing(void **state)
{
    LEFT("sid=; Path=/", SET, "sid=; Path=/");
    LEFT("sid=; Max-Age=9" EXPIRED, "sid=; Max-Age=9" EXPIRED);
}

/* Applications clear up what former versions have left at other paths. */
static void cookies_of_one_name_are_several_in_other_places(void **state)
{
    LEFT("sid=1; Path=/ | sid=2; Path=/app", SET, "sid=2; Path=/app");
    LEFT("sid=2 | sid=3; Domain=example.com; Path=/app", "sid=2",
         "sid=3; Domain=example.com; Path=/app");
    LEFT("sid=2; Path=/app", "sid=1", "sid=2; Path=/app");
    SEEN(SET, SET, "sid=x; Path=/old; Max-Age=0");
    SEEN(SET, "sid=x; Path=/; Domain=example.com; Max-Age=0", SET);
    SEEN("sid=x; Max-Age=0 | sid=x; Path=/old; Max-Age=0", "sid=x; Max-Age=0",
         "sid=x; Path=/old; Max-Age=0");
}

static void what_no_browser_obeys_leaves_no_cookie(void **state)
{
    LEFT(SET, SET, "sid=x; Path=/; Domain=example.org");
    SEEN(SET, SET, "sid=x; Domain=backend.internal; Max-Age=0");
    SEEN("sid=x; Domain=backend.internal; Max-Age=0", "sid=x; Domain=backend.internal; Max-Age=0");
    LEFT("", "__Host-sid=1; Path=/");
    LEFT("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_field_of_a_cookie_counts),
        cmocka_unit_test(a_cookie_that_is_removed_and_set_is_set),
        cmocka_unit_test(a_cookie_that_is_set_and_removed_is_removed),
        cmocka_unit_test(an_empty_value_alone_removes_nothing),
        cmocka_unit_test(cookies_of_one_name_are_several_in_other_places),
        cmocka_unit_test(what_no_browser_obeys_leaves_no_cookie),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
