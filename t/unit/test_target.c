/* http/parse/target.h: no browser is sent to another host, and every page of this host can be
 * returned to. t/11-return-target.t sends more than 200 hostile targets to a real httpd.
 * links: http/parse/target.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/parse/target.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(const char *const *targets, size_t count, int expected)
{
    for (size_t i = 0; i < count; i++) {
        if (secsession_target_is_local(targets[i]) != expected) {
            fail_msg("\"%s\" is %s", targets[i], expected ? "refused" : "accepted");
        }
    }
}

static void pages_of_this_host_are_followed(void **state)
{
    static const char *const targets[] = {
        "/",
        "/a",
        "/a/",
        "/a/b.php",
        "/a//b",
        "/a/b//",
        "/a?b=c&d",
        "/a?",
        "/a?http://other/",
        "/a?//other",
        "/a?..",
        "/a?x=/../",
        "/a?x=%5c%0a",
        "/a#b",
        "/a#//other",
        "/a?b#c",
        "/p%C3%A4ge%20one",
        "/100%25",
        "/100%",
        "/%zz",
        "/%",
        "/a%2Fb",
        "/a%3Fb",
        "/.well-known/x",
        "/...",
        "/a...",
        "/a..b/",
        "/..a",
        "/~user",
        "/a:b",
        "/a@b",
        "/http://a/",
        "/;a",
        "/a+b",
    };

    check(targets, COUNT(targets), 1);
}

static void other_hosts_are_not(void **state)
{
    static const char *const targets[] = {
        "",
        "a",
        "a/b",
        "?a",
        "#a",
        ".",
        "..",
        "./a",
        "../a",
        "other.example",
        "@other",
        "http://other",
        "https://other/",
        "HTTP://other",
        "http:/other",
        "http:other",
        "ftp://other",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@b",
        "//other",
        "///other",
        "////other",
        "//other@host",
        "//user:password@other/",
        "//[::1]/",
        "//1.2.3.4",
        "//\xc3\xa4",
        "/%2fother",
        "/%2Fother",
        "/%2f/other",
        "/%252fother",
        "/%25252fother",
        "/%25%32%66other",
        "/%%32%66other",
        "/%%32fother",
        "/%2%66other",
        "%2f%2fother",
        "%2fother",
    };

    check(targets, COUNT(targets), 0);
}

static void backslashes_are_slashes_to_a_browser(void **state)
{
    static const char *const targets[] = {
        "\\",         "\\\\other", "/\\other",  "\\/other",    "/\\/other",       "//\\other",
        "/a\\b",      "/%5cother", "/%5Cother", "/%255cother", "/%25%35%63other", "/a/%5c..%5cb",
        "/\\\tother", "/a?x\\y",
    };

    check(targets, COUNT(targets), 0);
}

static void dot_segments_vanish_and_leave_two_slashes(void **state)
{
    static const char *const targets[] = {
        "/.",
        "/..",
        "/./",
        "/../",
        "/.//other",
        "/..//other",
        "/a/..//other",
        "/a/../../other",
        "/a/./b",
        "/a/../b",
        "/a/..",
        "/a/.",
        "/%2e",
        "/%2e%2e",
        "/.%2e//other",
        "/%2E./other",
        "/%252e%252e/other",
        "/a/..?b",
        "/a/.#b",
        "/%2e%2f%2fother",
        "/a%2f..%2f%2fother",
    };

    check(targets, COUNT(targets), 0);
}

static void controls_blanks_and_unicode_are_refused(void **state)
{
    static const char *const targets[] = {
        " /a",
        "/a ",
        "/ a",
        "/\tother",
        "/\t/other",
        "\t//other",
        "/\n/other",
        "/\r\n/other",
        "/a\r\nSet-Cookie: x=y",
        "/a%0d%0aSet-Cookie:x",
        "/%09/other",
        "/%00",
        "/a%00b",
        "/%0a",
        "/%1f",
        "/%7f",
        "/a\x7f",
        "/a\x01",
        "/\x1b[1m",
        "/\xe2\x81\x84other",
        "/\xef\xbc\x8fother",
        "/\xc3\xa4",
        "/a?b c",
        "/a?\xff",
        "/a#\n",
        "/%250a",
        "/a%25%30%61",
    };

    check(targets, COUNT(targets), 0);
}

static void every_byte_is_judged_alone(void **state)
{
    for (int byte = 1; byte < 256; byte++) {
        char target[] = { '/', 'a', (char)byte, 'b', '\0' };
        int expected = byte > 0x20 && byte < 0x7F && byte != '\\';

        if (secsession_target_is_local(target) != expected) {
            fail_msg("byte %d", byte);
        }
    }
}

static void target_is_no_longer_than_allowed(void **state)
{
    char target[SECSESSION_TARGET_LENGTH + 2];

    memset(target, 'a', sizeof(target));
    target[0] = '/';
    target[SECSESSION_TARGET_LENGTH] = '\0';
    assert_int_equal(secsession_target_is_local(target), 1);
    target[SECSESSION_TARGET_LENGTH] = 'a';
    target[SECSESSION_TARGET_LENGTH + 1] = '\0';
    assert_int_equal(secsession_target_is_local(target), 0);
    assert_int_equal(secsession_target_is_local(NULL), 0);
}

/* A slash that is encoded any number of times, at any place, does not lead to another host. */
static void however_often_a_slash_is_encoded(void **state)
{
    char target[SECSESSION_TARGET_LENGTH];

    for (int times = 0; times < 200; times++) {
        size_t length = (size_t)snprintf(target, sizeof(target), "/%%");

        for (int i = 0; i < times; i++) {
            length += (size_t)snprintf(target + length, sizeof(target) - length, "25");
        }
        snprintf(target + length, sizeof(target) - length, "2fother");
        assert_int_equal(secsession_target_is_local(target), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_this_host_are_followed),
        cmocka_unit_test(other_hosts_are_not),
        cmocka_unit_test(backslashes_are_slashes_to_a_browser),
        cmocka_unit_test(dot_segments_vanish_and_leave_two_slashes),
        cmocka_unit_test(controls_blanks_and_unicode_are_refused),
        cmocka_unit_test(every_byte_is_judged_alone),
        cmocka_unit_test(target_is_no_longer_than_allowed),
        cmocka_unit_test(however_often_a_slash_is_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
