/* http/parse/options.h: options are removed from a Connection field however they are written.
 * links: http/parse/options.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include <apr_general.h>

#include "http/parse/options.h"

static apr_pool_t *pool;

static int is_not_x(const char *option, void *data)
{
    (*(int *)data)++;
    return strcasecmp(option, "x") != 0;
}

static const char *without_x(const char *field)
{
    int asked = 0;

    return secsession_options_keep(pool, field, is_not_x, &asked);
}

static void what_stays_stays_byte_for_byte(void **state)
{
    static const char *const fields[] = { "", "close", " close ,, Upgrade;\tfoo ", "xx, x-y",
                                          ",;" };

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        assert_ptr_equal(without_x(fields[i]), fields[i]);
    }
}

static void an_option_is_removed_wherever_it_stands(void **state)
{
    assert_string_equal(without_x("close, x"), "close");
    assert_string_equal(without_x("X,close"), "close");
    assert_string_equal(without_x("a,x;b x\tc"), "a, b, c");
    assert_string_equal(without_x("x,x, a ,x,"), "a");
    assert_string_equal(without_x("\"a, x, b\""), "\"a, b\"");
    assert_null(without_x("x"));
    assert_null(without_x(" ,x;\tX "));
}

/* A blank is added behind each comma, and the result must still fit. */
static void many_options_fit(void **state)
{
    char field[2001];

    for (size_t i = 0; i < sizeof(field) - 1; i++) {
        field[i] = i % 2 ? ',' : 'a';
    }
    field[sizeof(field) - 3] = 'x';
    field[sizeof(field) - 1] = '\0';
    assert_int_equal(strlen(without_x(field)), 3 * (sizeof(field) / 2 - 1) - 2);
}

static int set_up(void **state)
{
    return apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_stays_byte_for_byte),
        cmocka_unit_test(an_option_is_removed_wherever_it_stands),
        cmocka_unit_test(many_options_fit),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
