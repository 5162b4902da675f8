/* http/parse/text.h: what may be a user name.
 * links: http/parse/text.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "http/parse/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static apr_pool_t *pool;

/* Encodes a code point by the table of RFC 3629, even if it is not allowed; this does not use
 * http/parse/text.c. */
static size_t write_utf8(unsigned int code, char *text)
{
    static const unsigned char lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    size_t length = (size_t)1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000);

    for (size_t i = length; i-- > 1; code >>= 6) {
        text[i] = (char)(0x80 | (code & 0x3F));
    }
    text[0] = (char)(lead[length] | code);
    text[length] = '\0';
    return length;
}

static void every_character_but_controls_may_be_in_a_name(void **state)
{
    char text[8];

    for (unsigned int code = 1; code <= 0x10FFFF; code++) {
        int is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
        int is_surrogate = code >= 0xD800 && code < 0xE000;

        text[0] = 'a';
        text[write_utf8(code, text + 1) + 1] = 'b';
        text[write_utf8(code, text + 1) + 2] = '\0';
        if ((secsession_text_user(pool, text, 0) != NULL) != !(is_control || is_surrogate)) {
            fail_msg("U+%04X", code);
        }
    }
}

static void what_is_not_utf8_is_no_name(void **state)
{
    static const char *const texts[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc3",
        "\xc3(",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xe2\x82",
        "\xe2\x82(",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf0\x9f\x98",
        "\xf0\x9f(\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "alice\xc3",
        "\xc3\xa4\xa4",
        "\xef\xbf",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        if (secsession_text_user(pool, texts[i], 0)) {
            fail_msg("text %zu was taken for a name", i);
        }
    }
}

static void control_characters_are_in_no_name(void **state)
{
    static const char *const texts[] = { "a\nb",
                                         "\r",
                                         "a\tb",
                                         "\x1b[31m",
                                         "a\x7f",
                                         "a\xc2\x85",
                                         "\xc2\x9b"
                                         "31m" };

    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_null(secsession_text_user(pool, texts[i], 0));
    }
}

static void names_are_as_long_as_allowed(void **state)
{
    char text[257];

    assert_null(secsession_text_user(pool, "", 0));
    memset(text, 'a', sizeof(text));
    text[255] = '\0';
    assert_string_equal(secsession_text_user(pool, text, 0), text);
    text[255] = ' ';
    text[256] = '\0';
    assert_int_equal(strlen(secsession_text_user(pool, text, 0)), 255);
    text[255] = 'a';
    assert_null(secsession_text_user(pool, text, 0));
}

static void blanks_at_the_ends_are_no_part_of_a_name(void **state)
{
    static const char *const texts[] = {
        "al ice",
        " al ice",
        "al ice  ",
        "\xc2\xa0"
        "al ice"
        "\xe3\x80\x80",
        "\xe2\x80\x8a"
        "al ice"
        "\xe2\x80\x80\xe2\x80\xaf",
        "\xe1\x9a\x80\xe2\x81\x9f"
        "al ice"
        "\xe2\x80\xa8\xe2\x80\xa9",
    };
    static const char *const nobody[] = { " ", "  ", "\xc2\xa0", " \xe3\x80\x80 " };

    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_string_equal(secsession_text_user(pool, texts[i], 0), "al ice");
    }
    for (size_t i = 0; i < COUNT(nobody); i++) {
        assert_null(secsession_text_user(pool, nobody[i], 0));
    }
    /* Neither blank nor control character: a zero-width space, a combining mark. */
    assert_string_equal(secsession_text_user(pool, "a\xe2\x80\x8b", 0), "a\xe2\x80\x8b");
    assert_string_equal(secsession_text_user(pool,
                                             "\xcc\x88"
                                             "a",
                                             0),
                        "\xcc\x88"
                        "a");
}

static void only_ascii_is_made_lower_case(void **state)
{
    assert_string_equal(secsession_text_user(pool, " AZ@[`az{09 \xc3\x84 ", 1),
                        "az@[`az{09 \xc3\x84");
    assert_string_equal(secsession_text_user(pool, "AZ", 0), "AZ");
}

static void blanks_at_the_ends_do_not_arrive(void **state)
{
    static const char *const good[] = { "a", "a b", "a\xc2\xa0", "." };
    static const char *const bad[] = { "", " ", "\t", " a", "a ", "\ta", "a b\t" };

    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(secsession_text_is_field_value(good[i]), 1);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(secsession_text_is_field_value(bad[i]), 0);
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
        cmocka_unit_test(every_character_but_controls_may_be_in_a_name),
        cmocka_unit_test(what_is_not_utf8_is_no_name),
        cmocka_unit_test(control_characters_are_in_no_name),
        cmocka_unit_test(names_are_as_long_as_allowed),
        cmocka_unit_test(blanks_at_the_ends_are_no_part_of_a_name),
        cmocka_unit_test(only_ascii_is_made_lower_case),
        cmocka_unit_test(blanks_at_the_ends_do_not_arrive),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
