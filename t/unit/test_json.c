/* http/parse/json.h: the user name is taken from JSON only if no application could read another one
 * in it.
 * links: http/parse/json.c http/parse/fields.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/fields.h"
#include "http/parse/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static apr_pool_t *pool;

static int set_up(void **state)
{
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static void member_is_read_as_scripts_write_it(void **state)
{
    static const struct {
        const char *body, *name, *value;
    } cases[] = {
        { "{\"user\":\"alice\",\"password\":\"x\"}", "user", "alice" },
        { " {\n \"password\" : 1, \"user\" : \"alice\" } \r\n", "user", "alice" },
        { "{\"user\":\"J\\u00fcrgen\"}", "user", "J\xC3\xBCrgen" },
        { "{\"us\\u0065r\":\"alice\"}", "user", "alice" },
        { "{\"user\":\"\"}", "user", "" },
        { "{\"user\":\"a\",\"User\":\"a\"}", "user", "a" },
        { "{\"user\":\"a\",\"password\":\"50%&x=%zz;{[\"}", "user", "a" },
        { "{\"users\":\"b\",\"xuser\":{\"user\":\"c\"},\"user\":\"a\"}", "user", "a" },
        { "{\"user\":{\"name\":\"alice\"},\"keep\":true}", "user.name", "alice" },
        { "{\"variables\":{\"input\":{\"mail\":\"a@b.c\"}}}", "variables.input.mail", "a@b.c" },
        { "{\"user.name\":\"alice\"}", "user.name", "alice" },
        { "{\"user.name\":\"alice\",\"user\":{\"name\":\"alice\"}}", "user.name", "alice" },
        { "{\"name\":\"b\",\"user\":{\"name\":\"a\",\"id\":[]}}", "user.name", "a" },
        { "{\"\xC3\xA4\":\"alice\"}", "\xC3\xA4", "alice" },
        { "{\"user\":\"a\",\"x\":{\"\xC3\xA4\":1}}", "user", "a" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *value = secsession_json_get(pool, cases[i].body, cases[i].name);

        if (value == NULL || strcmp(value, cases[i].value) != 0) {
            fail_msg("%s: %s", cases[i].body, value ? value : "NULL");
        }
    }
}

static void check_none(const char *const *bodies, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = secsession_json_get(pool, bodies[i], name);

        if (value) {
            fail_msg("%s: %s", bodies[i], value);
        }
    }
}

#define CHECK_NONE(bodies, name) check_none(bodies, COUNT(bodies), name)

static void member_that_somebody_may_read_otherwise_is_none(void **state)
{
    static const char *const bodies[] = {
        "{\"user\":\"a\",\"user\":\"b\"}",
        "{\"user\":\"a\",\"user\":\"a\"}",
        "{\"user\":\"a\",\"us\\u0065r\":\"b\"}",
        "{\"user\":\"a\",\"User\":\"b\"}",
        "{\"USER\":\"a\"}",
        "{\"user\":\"a\",\"u_ser\":\"b\"}",
        "{\"user\":\"a\",\"user[0]\":\"b\"}",
        "{\"user\":\"a\",\"User\":{}}",
        "{\"u\\u017fer\":\"b\",\"user\":\"a\"}",
        "{\"user\":\"a\",\"x\":{\"y\":1,\"y\":2}}",
        "{\"user\":\"a\",\"x\":\"&user=b&\"}",
        "{\"user\":\"a\",\"x\":\"&us%65r=b\"}",
        "{\"user\":\"a\",\"x\":\"&us%er=b\"}",
        "{\"user\":\"a\",\"x\":\";User=b\"}",
        "{\"user\":\"a\",\"x\":\"&user[]=b\"}",
        "{\"user\":\"a\",\"x\":\"&user&\"}",
    };

    CHECK_NONE(bodies, "user");
}

static void member_below_another_has_one_way_to_it(void **state)
{
    static const char *const bodies[] = {
        "{\"user\":{\"name\":\"a\"},\"user.name\":\"b\"}",
        "{\"user\":{\"name\":\"a\"},\"user_name\":\"b\"}",
        "{\"user\":{\"name\":\"a\"},\"User\":{\"name\":\"b\"}}",
        "{\"User\":{\"name\":\"a\"}}",
        "{\"user\":{\"name\":\"a\",\"Name\":\"b\"}}",
        "{\"user\":\"a\"}",
        "{\"user\":[{\"name\":\"a\"}]}",
        "{\"user\":{\"name\":{\"name\":\"a\"}}}",
        "{\"user\":{\"name\":\"a\"},\"x\":\"&user[name]=b\"}",
        "{\"user\":{}}",
    };

    CHECK_NONE(bodies, "user.name");
}

static void what_is_no_string_in_a_valid_object_is_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "\"user\"",
        "[]",
        "[{\"user\":\"a\"}]",
        "{}",
        "{\"user\":1}",
        "{\"user\":null}",
        "{\"user\":[\"a\"]}",
        "{\"user\":{\"user\":\"a\"}}",
        "{\"user\":\"a\"",
        "{\"user\":\"a\"}}",
        "{\"user\":\"a\"}{\"user\":\"b\"}",
        "{\"user\":\"a\",}",
        "{user:\"a\"}",
        "{'user':'a'}",
        "/**/{\"user\":\"a\"}",
        "\xEF\xBB\xBF{\"user\":\"a\"}",
        "{\"user\":\"a\\u0000b\"}",
        "{\"user\":\"\xFF\"}",
        "{\"user\":\"\\ud800\"}",
        "{\"x\":NaN,\"user\":\"a\"}",
        "{\"user\":\"a\nb\"}",
    };
    char deep[2 * 60000 + 64] = "{\"user\":\"a\",\"x\":";

    CHECK_NONE(bodies, "user");
    memset(deep + strlen(deep), '[', 60000);
    assert_null(secsession_json_get(pool, deep, "user"));
}

static void member_is_lacking_where_nobody_can_find_it(void **state)
{
    assert_true(secsession_json_lacks(pool, "{\"code\":\"1\",\"x\":{\"user\":1}}", "user"));
    assert_true(secsession_json_lacks(pool, "{}", "user.name"));
    assert_false(secsession_json_lacks(pool, "{\"user\":\"a\"}", "user"));
    assert_false(secsession_json_lacks(pool, "{\"User\":1}", "user"));
    assert_false(secsession_json_lacks(pool, "{\"user\":\"a\",\"user\":\"b\"}", "user"));
    assert_false(secsession_json_lacks(pool, "{\"x\":\"&user=a\"}", "user"));
    assert_false(secsession_json_lacks(pool, "[{\"user\":\"a\"}]", "user"));
    assert_false(secsession_json_lacks(pool, "user=a", "user"));
}

static void type_is_json_in_utf8_and_nothing_else(void **state)
{
    assert_true(secsession_fields_are_json("application/json"));
    assert_true(secsession_fields_are_json("Application/JSON; charset=UTF-8"));
    assert_false(secsession_fields_are_json("application/json; charset=utf-16"));
    assert_false(secsession_fields_are_json("application/jsonx"));
    assert_false(secsession_fields_are_json("application/json, text/plain"));
    assert_false(secsession_fields_are_json("text/json"));
    assert_false(secsession_fields_are_json("application/x-www-form-urlencoded"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(member_is_read_as_scripts_write_it),
        cmocka_unit_test(member_that_somebody_may_read_otherwise_is_none),
        cmocka_unit_test(member_below_another_has_one_way_to_it),
        cmocka_unit_test(what_is_no_string_in_a_valid_object_is_none),
        cmocka_unit_test(member_is_lacking_where_nobody_can_find_it),
        cmocka_unit_test(type_is_json_in_utf8_and_nothing_else),
    };
    int failures;

    apr_initialize();
    failures = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failures;
}
