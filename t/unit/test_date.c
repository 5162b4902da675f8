/* session/date.h: dates as browsers read them (RFC 6265bis, 5.1.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "session/date.h"

#define NO_DATE (-1)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
    const char *text;
    apr_int64_t seconds;
} case_t;

static void check(const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        apr_int64_t seconds = NO_DATE;
        int is_date = secsession_date_parse(cases[i].text, &seconds);

        if (seconds != cases[i].seconds || is_date != (cases[i].seconds != NO_DATE)) {
            fail_msg("%s: %lld, not %lld", cases[i].text, (long long)seconds,
                     (long long)cases[i].seconds);
        }
    }
}

#define CHECK(cases) check(cases, COUNT(cases))

static void every_usual_way_to_write_a_date_is_read(void **state)
{
    static const case_t cases[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "06 Nov 1994 08:49:37", 784111777 },
        { "06-Nov-1994 08:49:37 UTC", 784111777 },
        { "Sun,06 Nov 1994 08:49:37 GMT", 784111777 },
        { "08:49:37 Nov 6 1994", 784111777 },
        { "1994 08:49:37 Nov 6", 784111777 },
        { "6 November 1994 8:49:37", 784111777 },
        { "\t6/nov/1994/8:49:37\t", 784111777 },
        { "08:49:37;6;NOV;1994", 784111777 },
        { "Wed, 31-Dec-97 23:59:59 GMT", 883612799 },
        { "Fri, 01 Jan 2038 00:00:00 GMT", 2145916800 },
        { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Thu, 01 Jan 1970 00:00:01 GMT", 1 },
    };

    CHECK(cases);
}

static void day_and_names_of_zones_are_not_looked_at(void **state)
{
    static const case_t cases[] = {
        { "Mon, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "06 Nov 1994 08:49:37 +0500", 784111777 },
        { "06 Nov 1994 08:49:37 PST", 784111777 },
        { "Blah 06 Nov 1994 08:49:37 blah blah", 784111777 },
        { "06 Nov 1994 08:49:37 Jan 07 1995 09:00:00", 784111777 },
    };

    CHECK(cases);
}

static void each_part_is_the_first_token_that_can_be_it(void **state)
{
    static const case_t cases[] = {
        { "6th Nov 1994th 08:49:37x", 784111777 },
        { "06Nov 94 Nov 08:49:37", 784111777 },
        { "06Nov 94 08:49:37", NO_DATE },
        { "8:9:7 6 Nov 1994", 784109347 },
        { "94 6 Nov 08:49:37", NO_DATE }, /* the day is the first number */
        { "6 94 Nov 08:49:37", 784111777 },
        { "006 Nov 94 08:49:37", NO_DATE },
        { "6 Nov 94 008:49:37", NO_DATE },
        { "6 Nov 94 08:49:037", NO_DATE },
        { "6 Nov 94 08:49", NO_DATE },
        { "6 Nov 94 08:49:", NO_DATE },
        { "6 Nov 94 :49:37", NO_DATE },
        { "6 Nov 94 08:49:37:12", 784111777 },
        { "6 No 94 08:49:37", NO_DATE },
        { "6 Novvv 94 08:49:37", 784111777 },
        { "6 xNov 94 08:49:37", NO_DATE },
        { "6 Nov 9 08:49:37", NO_DATE },
        { "6 Nov 19945 08:49:37", NO_DATE },
        { "6 Nov 1994a5 08:49:37", 784111777 },
    };

    CHECK(cases);
}

static void years_of_two_digits_are_of_this_century_up_to_69(void **state)
{
    static const case_t cases[] = {
        { "1 Jan 70 00:00:00", 0 },           { "1 Jan 99 00:00:00", 915148800 },
        { "1 Jan 00 00:00:00", 946684800 },   { "1 Jan 69 00:00:00", 3124224000 },
        { "1 Jan 0099 00:00:00", 915148800 }, { "1 Jan 069 00:00:00", 3124224000 },
        { "1 Jan 100 00:00:00", NO_DATE },    { "1 Jan 1600 00:00:00", NO_DATE },
        { "1 Jan 1601 00:00:00", 0 }, /* everything before 1970 becomes 0 */
        { "31 Dec 1969 23:59:59", 0 },
    };

    CHECK(cases);
}

static void what_no_calendar_has_is_no_date(void **state)
{
    static const case_t cases[] = {
        { "", NO_DATE },
        { " ,;- ", NO_DATE },
        { "0", NO_DATE },
        { "never", NO_DATE },
        { "Thu, 01 Jan 1970", NO_DATE },
        { "00:00:00", NO_DATE },
        { "0 Jan 2000 00:00:00", NO_DATE },
        { "32 Jan 2000 00:00:00", NO_DATE },
        { "31 Apr 2000 00:00:00", NO_DATE },
        { "30 Feb 2000 00:00:00", NO_DATE },
        { "29 Feb 2000 00:00:00", 951782400 },
        { "29 Feb 1900 00:00:00", NO_DATE },
        { "29 Feb 2023 00:00:00", NO_DATE },
        { "29 Feb 2024 00:00:00", 1709164800 },
        { "1 Jan 2000 24:00:00", NO_DATE },
        { "1 Jan 2000 00:60:00", NO_DATE },
        { "1 Jan 2000 23:59:60", NO_DATE },
        { "1 Foo 2000 00:00:00", NO_DATE },
        { "99 Jan 9999 99:99:99", NO_DATE },
    };

    CHECK(cases);
}

/* Every delimiter separates, and no other character does. */
static void delimiters_are_those_of_the_algorithm(void **state)
{
    for (int c = 1; c < 256; c++) {
        int is_delimiter = c == 0x09 || (c >= 0x20 && c <= 0x2F) || (c >= 0x3B && c <= 0x40)
                           || (c >= 0x5B && c <= 0x60) || (c >= 0x7B && c <= 0x7E);
        apr_int64_t seconds;
        char text[64];

        snprintf(text, sizeof(text), "6%cNov%c1994%c08:49:37", c, c, c);
        assert_int_equal(secsession_date_parse(text, &seconds), is_delimiter);
    }
}

/* Compares the date of every day with that of the C library, which does not use APR. */
static void every_day_is_the_c_librarys(void **state)
{
    for (time_t day = 0; day < (time_t)400 * 366; day++) {
        time_t moment = day * 86400 + day % 86400;
        apr_int64_t seconds;
        char text[64];
        struct tm tm;

        gmtime_r(&moment, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_true(secsession_date_parse(text, &seconds));
        assert_int_equal(seconds, moment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_usual_way_to_write_a_date_is_read),
        cmocka_unit_test(day_and_names_of_zones_are_not_looked_at),
        cmocka_unit_test(each_part_is_the_first_token_that_can_be_it),
        cmocka_unit_test(years_of_two_digits_are_of_this_century_up_to_69),
        cmocka_unit_test(what_no_calendar_has_is_no_date),
        cmocka_unit_test(delimiters_are_those_of_the_algorithm),
        cmocka_unit_test(every_day_is_the_c_librarys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
