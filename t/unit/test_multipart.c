/* http/parse/multipart.h: what browsers send is accepted, and what two programs could read in two
 * ways is not.
 * links: http/parse/multipart.c http/parse/fields.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/multipart.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TYPE "multipart/form-data; boundary=B0"
#define FIELD(name, value)                                                                         \
    "--B0\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define PART(head, value) "--B0\r\n" head "\r\n\r\n" value "\r\n"
#define END "--B0--\r\n"
#define ALICE FIELD("user", "alice")

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

/* The memory of the body ends with it, so that reading too far is noticed. */
static const char *get_bytes(const char *type, const char *body, size_t length)
{
    return secsession_multipart_get(pool, type, length ? apr_pmemdup(pool, body, length) : "",
                                    length, "user");
}

static const char *get(const char *body)
{
    return get_bytes(TYPE, body, strlen(body));
}

static void check(const char *body, const char *expected)
{
    const char *value = get(body);

    if (value == NULL ? expected != NULL : expected == NULL || strcmp(value, expected) != 0) {
        fail_msg("%s: %s", body, value ? value : "NULL");
    }
}

static void field_is_read_as_browsers_write_it(void **state)
{
    check(ALICE END, "alice");
    check(ALICE "--B0--", "alice");
    check(FIELD("password", "x") ALICE FIELD("other", "") END, "alice");
    check(FIELD("user", "") END, "");
    check(FIELD("user", "a\r\nb\n--B\r\n-B0--") END, "a\r\nb\n--B\r\n-B0--");
    check(ALICE ALICE END, "alice");
    check(PART("content-disposition:form-data;name=\"user\"", "alice") END, "alice");
    check(PART("Content-Disposition: form-data; name=\"file\"; filename=\"C:\\a; name=x\"\r\n"
               "Content-Type: application/octet-stream",
               "\r\n\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nmallory") ALICE END,
          "alice");
    check(PART("Content-Type: text/plain\r\nX-Other: a: b\tc\r\n"
               "Content-Disposition: form-data; name=\"note\"",
               "x") ALICE END,
          "alice");
}

static void field_that_somebody_may_read_otherwise_is_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "--B0",
        "--B0--\r\n",
        FIELD("users", "alice") END,
        FIELD("USER", "alice") END,
        ALICE FIELD("user", "mallory") END,
        ALICE FIELD("User", "mallory") END,
        ALICE FIELD(" user", "mallory") END,
        ALICE FIELD("user[]", "mallory") END,
        ALICE FIELD("us%65r", "mallory") END,
        ALICE FIELD("=?utf-8?q?user?=", "mallory") END,
        ALICE FIELD("us\\er", "mallory") END,
        PART("Content-Disposition: form-data; name=\"user\"; filename=\"\"", "alice") END,
        ALICE PART("Content-Disposition: form-data; name=\"user\"; filename=\"x\"", "y") END,
        /* more than a browser sends with a field */
        PART("Content-Disposition: form-data; name=\"user\"\r\nContent-Type: text/plain", "alice")
            END,
        PART("Content-Disposition: form-data; name=\"user\"\r\n"
             "Content-Transfer-Encoding: base64",
             "YWxpY2U=") END,
        PART("Content-Disposition: form-data; name=\"user\"; name=\"x\"", "alice") END,
        PART("Content-Disposition: form-data; name=\"x\"; name=\"user\"", "alice") END,
        PART("Content-Disposition: form-data; name=\"user\"; filename*=UTF-8''x", "alice") END,
        PART("Content-Disposition: form-data; name=\"user\" x", "alice") END,
        PART("Content-Disposition: form-data; name=user", "alice") END,
        PART("Content-Disposition: form-data; name='user'", "alice") END,
        PART("Content-Disposition: form-data; name*=UTF-8''user", "alice") END,
        PART("Content-Disposition: attachment; name=\"user\"", "alice") END,
        PART("Content-Disposition: form-data name=\"user\"", "alice") END,
        /* the same in any other part */
        ALICE PART("Content-Disposition: form-data", "x") END,
        ALICE PART("Content-Type: text/plain", "x") END,
        ALICE PART("Content-Disposition: form-data; name=\"x\"\r\n"
                   "Content-Disposition: form-data; name=\"user\"",
                   "mallory") END,
        ALICE PART("Content-Disposition: form-data; name=\"x\"\r\n folded", "y") END,
        ALICE PART("Content-Disposition: form-data;\r\n name=\"x\"", "y") END,
        ALICE PART("Content-Disposition : form-data; name=\"x\"", "y") END,
        ALICE PART("Content-Disposition: form-data; name=\"x", "y") END,
        ALICE PART("no colon\r\nContent-Disposition: form-data; name=\"x\"", "y") END,
        ALICE PART(": none\r\nContent-Disposition: form-data; name=\"x\"", "y") END,
        ALICE PART("X: a\rb\r\nContent-Disposition: form-data; name=\"x\"", "y") END,
        ALICE PART("X: a\nContent-Disposition: form-data; name=\"x\"", "y") END,
        ALICE PART("Content-Disposition: form-data; name=\"x\"\r\n"
                   "Content-Type: Multipart/mixed; boundary=B1",
                   "y") END,
        ALICE "--B0\r\n\r\nx\r\n" END,
        ALICE "--B0\r\n" END,
        ALICE "--B0\r\nContent-Disposition: form-data; name=\"x\"\r\n" END,
        /* boundaries that only some programs recognise */
        ALICE FIELD("x", "\n--B0\nContent-Disposition: form-data; name=\"user\"\n\nmallory") END,
        ALICE FIELD("x", "\r--B0\rContent-Disposition: form-data; name=\"user\"\r\rmallory") END,
        ALICE FIELD("x", "\r\n--B0 \r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nm") END,
        ALICE FIELD("x", "\r\n--B0x\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nm") END,
        ALICE FIELD("x", "--B0") END,
        FIELD("user", "alice--B0") END,
        "\r\n" ALICE END,
        "preamble\r\n" ALICE END,
        ALICE END "epilogue",
        ALICE END ALICE END,
        ALICE "--B0--\n",
        ALICE "--B0-",
        ALICE "--B0\n",
        ALICE "--B0\r\n",
        ALICE,
        "--B0\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nalice",
        "--B0\nContent-Disposition: form-data; name=\"user\"\n\nalice\n--B0--\n",
    };

    for (size_t i = 0; i < COUNT(bodies); i++) {
        check(bodies[i], NULL);
    }
}

static void nul_is_nowhere_but_in_files(void **state)
{
    static const char value[] = FIELD("user", "ali\0ce") END;
    static const char name[] = ALICE FIELD("us\0er", "x") END;
    static const char file[] =
        ALICE PART("Content-Disposition: form-data; name=\"f\"; filename=\"f\"", "\0\0\0") END;

    assert_null(get_bytes(TYPE, value, sizeof(value) - 1));
    assert_null(get_bytes(TYPE, name, sizeof(name) - 1));
    assert_string_equal(get_bytes(TYPE, file, sizeof(file) - 1), "alice");
}

static void body_that_breaks_off_says_nothing(void **state)
{
    static const char body[] = FIELD("a", "b") ALICE FIELD("c", "d") "--B0--";

    for (size_t length = 0; length < sizeof(body) - 1; length++) {
        assert_null(get_bytes(TYPE, body, length));
    }
    assert_non_null(get_bytes(TYPE, body, sizeof(body) - 1));
}

static void type_has_one_plain_boundary(void **state)
{
    static const char body[] = ALICE END;
    static const char *const right[] = {
        "multipart/form-data; boundary=B0",
        "Multipart/Form-Data;Boundary=B0 ",
        "multipart/form-data ;\tboundary=\"B0\"",
    };
    static const char *const wrong[] = {
        "",
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"B0",
        "multipart/form-data; boundary=B1",
        "multipart/form-data; boundary=b0",
        "multipart/form-data; boundary=B0; boundary=B1",
        "multipart/form-data; boundary=B1; boundary=B0",
        "multipart/form-data; boundary=B0, B1",
        "multipart/form-data; boundary=B0;",
        "multipart/form-data; charset=utf-16; boundary=B0",
        "multipart/form-datax; boundary=B0",
        "multipart/mixed; boundary=B0",
        "text/plain; boundary=B0",
        "multipart/form-data; x=\"; boundary=B0\"",
    };

    for (size_t i = 0; i < COUNT(right); i++) {
        assert_string_equal(get_bytes(right[i], body, sizeof(body) - 1), "alice");
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_null(get_bytes(wrong[i], body, sizeof(body) - 1));
    }
}

static void boundary_has_seventy_characters_at_most(void **state)
{
    for (int length = 69; length <= 71; length++) {
        char *boundary = apr_pcalloc(pool, 80);
        const char *body, *type;

        memset(boundary, 'b', (size_t)length);
        type = apr_psprintf(pool, "multipart/form-data; boundary=%s", boundary);
        body = apr_psprintf(pool,
                            "--%s\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nalice\r\n"
                            "--%s--\r\n",
                            boundary, boundary);
        assert_int_equal(get_bytes(type, body, strlen(body)) != NULL, length <= 70);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_is_read_as_browsers_write_it),
        cmocka_unit_test(field_that_somebody_may_read_otherwise_is_none),
        cmocka_unit_test(nul_is_nowhere_but_in_files),
        cmocka_unit_test(body_that_breaks_off_says_nothing),
        cmocka_unit_test(type_has_one_plain_boundary),
        cmocka_unit_test(boundary_has_seventy_characters_at_most),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
