/* http/parse/readings.h: a cookie is found under every name under which a program finds it.
 * links: http/parse/readings.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/readings.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static apr_pool_t *pool;

static int is_meant(const char *name, const void *data)
{
    return strcmp(name, "id") == 0 || strcmp(name, "my_id") == 0;
}

static void check(const char *const *pairs, size_t count, int expected)
{
    for (size_t i = 0; i < count; i++) {
        const char *end = pairs[i] + strlen(pairs[i]);

        if (secsession_readings_any(pool, pairs[i], end, is_meant, NULL) != expected) {
            fail_msg("\"%s\" should %sbe found", pairs[i], expected ? "" : "not ");
        }
    }
}

static void names_are_found_as_they_are(void **state)
{
    static const char *const found[] = { "id=1", "id", "id=", " id =1", "=id=1", "=id", "= =id" };
    static const char *const other[] = { "",     "=",       "a=1",    "idx=1",  "xid=1",
                                         "ID=1", "a=id",    "a=id=1", "i d=1",  "a=1 id",
                                         "i=d",  "my-id=1", "id\"=1", "\"id=1", "id:1" };

    check(found, COUNT(found), 1);
    check(other, COUNT(other), 0);
}

static void names_are_found_behind_commas_and_blanks(void **state)
{
    static const char *const found[] = { "a=1,id=2",    "a=1, id", "a=1,b=2,id=3", "a=1 id=2",
                                         "a=1 id =2",   "a id=1",  "a\tid\t=\t1",  "a=1 b=2 id=3",
                                         "a=1, b id=2", "a= id=1", "a=1 =id=2",    ", id=1" };

    check(found, COUNT(found), 1);
}

static void names_are_found_as_they_are_decoded(void **state)
{
    static const char *const found[] = { "%69d=1",   "%69%64",     "%u0069d=1", "%U0069%u0064=1",
                                         "%20id=1",  "+id+=1",     "id%00x=1",  "a=1 i%64=2",
                                         "a=1,%69d", "%09id%0a=1", "my%2Eid=1", "id%5Bx%5D=1" };
    static const char *const other[] = { "%=1",     "%6=1",    "%6",       "%u006=1", "%u",
                                         "%xxid=1", "%%69d=1", "%2569d=1", "a=%69d" };

    check(found, COUNT(found), 1);
    check(other, COUNT(other), 0);
}

static void names_are_found_as_php_changes_them(void **state)
{
    static const char *const found[] = { "my.id=1",    "my id=1", "my[id=1",    "id[]=1",
                                         "id[a][b]=1", "id[=1",   "my.id[x]=1", "  my id=1" };
    static const char *const other[] = { "[id]=1", "x[id]=1", "id]=1", "my..id=1" };

    check(found, COUNT(found), 1);
    check(other, COUNT(other), 0);
}

static void names_are_found_without_any_blanks(void **state)
{
    static const char *const found[] = { "\xc2\xa0id=1",     "id\xe3\x80\x80=1",
                                         "\xa0id\x85=1",     "\xef\xbb\xbfid=1",
                                         "\x1fid\x7f=1",     "%C2%A0id=1",
                                         "%u2003%u3000id=1", "\xe2\x80\x8aid\xe2\x80\x83=1" };
    static const char *const other[] = { "\xc3\xa4id=1", "id\xe2\x80\xb1=1",
                                         "i\xc2\xa0"
                                         "d=1" };

    check(found, COUNT(found), 1);
    check(other, COUNT(other), 0);
}

static int count(const char *name, const void *data)
{
    (*(int *)(uintptr_t)data)++;
    return 0;
}

/* The work grows with the length of a pair, and not with its square. */
static void a_long_pair_is_read_once(void **state)
{
    static const char *const parts[] = { "a=1 ", ",", " ", "= ", "%", "a\t", "\xa0", "[", "%20" };

    for (size_t i = 0; i < COUNT(parts); i++) {
        apr_size_t length = strlen(parts[i]), whole = length * 20000;
        char *pair = apr_palloc(pool, whole);
        int asked = 0;

        for (apr_size_t at = 0; at < whole; at += length) {
            memcpy(pair + at, parts[i], length);
        }
        assert_int_equal(secsession_readings_any(pool, pair, pair + whole, count, &asked), 0);
        assert_in_range(asked, 1, 8 * 20000);
    }
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
        cmocka_unit_test(names_are_found_as_they_are),
        cmocka_unit_test(names_are_found_behind_commas_and_blanks),
        cmocka_unit_test(names_are_found_as_they_are_decoded),
        cmocka_unit_test(names_are_found_as_php_changes_them),
        cmocka_unit_test(names_are_found_without_any_blanks),
        cmocka_unit_test(a_long_pair_is_read_once),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
