/* http/parse/head.h: heads of responses are read in pieces of any size, and what two programs could
 * read differently is refused.
 * links: http/parse/head.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http/parse/head.h"

#define MORE SECSESSION_HEAD_MORE
#define WHOLE SECSESSION_HEAD_WHOLE
#define WRONG SECSESSION_HEAD_WRONG

#define STATUS "HTTP/1.1 101 Switching Protocols\r\n"

static apr_pool_t *pool;

/* Reads `text` in pieces of `piece` bytes. Returns the last outcome; *taken is how much was
 * used. */
static secsession_head_outcome_t read_in(const char *text, size_t piece, secsession_head_t **head,
                                         size_t *taken)
{
    const size_t length = strlen(text);
    secsession_head_outcome_t outcome = MORE;

    *head = secsession_head_make(pool);
    for (*taken = 0; *taken < length && outcome == MORE;) {
        apr_size_t next = length - *taken < piece ? length - *taken : piece, used;

        outcome = secsession_head_read(*head, text + *taken, next, &used);
        assert_true(used == next || outcome != MORE);
        *taken += used;
    }
    return outcome;
}

static void pieces_of_any_size_make_the_same_lines(void **state)
{
    static const char text[] = STATUS
        "Upgrade: websocket\r\nX-Empty:\r\nx!#$%&'*+-.^_`|~9: \t v\tw \r\n"
        "\r\nhello\r\n\r\n";

    for (size_t piece = 1; piece < sizeof(text); piece++) {
        secsession_head_t *head;
        const char *line;
        size_t taken;

        assert_int_equal(read_in(text, piece, &head, &taken), WHOLE);
        assert_string_equal(text + taken, "hello\r\n\r\n");
        assert_int_equal(secsession_head_status(head), 101);
        line = secsession_head_next(head, NULL);
        assert_string_equal(line, "HTTP/1.1 101 Switching Protocols");
        line = secsession_head_next(head, line);
        assert_string_equal(line, "Upgrade: websocket");
        line = secsession_head_next(head, line);
        assert_string_equal(line, "X-Empty:");
        line = secsession_head_next(head, line);
        assert_string_equal(line, "x!#$%&'*+-.^_`|~9: \t v\tw ");
        assert_null(secsession_head_next(head, line));
    }
}

static void lines_may_end_with_a_bare_line_feed(void **state)
{
    secsession_head_t *head;
    const char *line;
    size_t taken;

    assert_int_equal(read_in("HTTP/1.0 403\nA: b\nC: d\r\n\nx", 3, &head, &taken), WHOLE);
    assert_int_equal(secsession_head_status(head), 403);
    line = secsession_head_next(head, secsession_head_next(head, NULL));
    assert_string_equal(line, "A: b");
    assert_string_equal(secsession_head_next(head, line), "C: d");
}

static void what_could_be_read_differently_is_wrong(void **state)
{
    static const char *const cases[] = {
        "\r\n" STATUS "\r\n",
        "\n",
        " " STATUS "\r\n",
        "http/1.1 101 x\r\n\r\n",
        "HTTP/2 101 x\r\n\r\n",
        "HTTP/2.0 101 x\r\n\r\n",
        "HTTP/1.1  101 x\r\n\r\n",
        "HTTP/1.1\t101 x\r\n\r\n",
        "HTTP/1.1 1010 x\r\n\r\n",
        "HTTP/1.1 10\r\n\r\n",
        "HTTP/1.1 1x1 y\r\n\r\n",
        "HTTP/1.1 099 y\r\n\r\n",
        "HTTP/1.10 101 y\r\n\r\n",
        "HTTP/1.1 101\tx\r\n\r\n",
        "<!DOCTYPE html>\n",
        STATUS "Set-Cookie : a=b\r\n\r\n",
        STATUS "Set-Cookie\t: a=b\r\n\r\n",
        STATUS " Set-Cookie: a=b\r\n\r\n",
        STATUS "A: b\r\n c\r\n\r\n",
        STATUS "A: b\r\n\tSet-Cookie: c\r\n\r\n",
        STATUS "Set-Cookie\r\n\r\n",
        STATUS ": a\r\n\r\n",
        STATUS "A: b\rSet-Cookie: c\r\n\r\n",
        STATUS "A: b\r\r\n\r\n",
        STATUS "A: b\r\n\rC: d\r\n\r\n",
        STATUS "A: \001\r\n\r\n",
        STATUS "A: \177\r\n\r\n",
        STATUS "A: \vb\r\n\r\n",
        STATUS "S\xc3\xa9t: b\r\n\r\n",
        STATUS "(A): b\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (size_t piece = 1; piece < 60; piece += 7) {
            secsession_head_t *head;
            size_t taken;

            assert_int_equal(read_in(cases[i], piece, &head, &taken), WRONG);
        }
    }
}

static void a_nul_is_wrong(void **state)
{
    static const char text[] = STATUS "A: b\0Set-Cookie: c\r\n\r\n";
    secsession_head_t *head = secsession_head_make(pool);
    apr_size_t used;

    assert_int_equal(secsession_head_read(head, text, sizeof(text) - 1, &used), WRONG);
}

static void a_head_has_at_most_64_kib(void **state)
{
    const size_t rest = SECSESSION_HEAD_BYTES - strlen(STATUS "A: \r\n\r\n");

    for (size_t more = 0; more < 2; more++) {
        char *value = apr_palloc(pool, rest + more + 1);
        secsession_head_t *head;
        size_t taken;

        memset(value, 'a', rest + more);
        value[rest + more] = '\0';
        assert_int_equal(read_in(apr_pstrcat(pool, STATUS "A: ", value, "\r\n\r\n", NULL), 1000,
                                 &head, &taken),
                         more ? WRONG : WHOLE);
    }
}

static void a_field_is_found_by_its_very_name(void **state)
{
    assert_string_equal(secsession_head_value("Set-Cookie: a=b", "set-cookie"), "a=b");
    assert_string_equal(secsession_head_value("SET-COOKIE:\t a=b ", "Set-Cookie"), "a=b ");
    assert_string_equal(secsession_head_value("A:", "A"), "");
    assert_null(secsession_head_value("Set-Cookie2: a=b", "Set-Cookie"));
    assert_null(secsession_head_value("Set-Cooki: a=b", "Set-Cookie"));
    assert_null(secsession_head_value("HTTP/1.1 101 x", "HTTP/1.1 101 x"));
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
        cmocka_unit_test(pieces_of_any_size_make_the_same_lines),
        cmocka_unit_test(lines_may_end_with_a_bare_line_feed),
        cmocka_unit_test(what_could_be_read_differently_is_wrong),
        cmocka_unit_test(a_nul_is_wrong),
        cmocka_unit_test(a_head_has_at_most_64_kib),
        cmocka_unit_test(a_field_is_found_by_its_very_name),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
