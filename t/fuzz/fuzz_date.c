/* The dates of cookies: every date that is accepted is in the range that RFC 6265bis allows; the
 * separators, the case of letters and what follows the date do not matter; and a date that is
 * written again in the usual format is the same date. */
/* links: session/date.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "session/date.h"

#define END_OF_9999 253402300799

static int is_delimiter(char c)
{
    unsigned char u = (unsigned char)c;

    return u == 0x09 || (u > 0x1F && u < 0x7F && !isalnum(u) && u != ':');
}

static void check_same(const char *text, int is_date, apr_int64_t expected)
{
    apr_int64_t seconds = -1;

    REQUIRE(secsession_date_parse(text, &seconds) == is_date);
    REQUIRE(!is_date || seconds == expected);
}

static void check_usual_form(apr_int64_t seconds)
{
    time_t moment = (time_t)seconds;
    char text[64];
    struct tm tm;

    REQUIRE(gmtime_r(&moment, &tm) != NULL);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    check_same(text, 1, seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *text = fuzz_string(pool, data, size);
    char *changed = apr_pstrmemdup(pool, text, strlen(text));
    apr_int64_t seconds = -1;
    int is_date = secsession_date_parse(text, &seconds);

    REQUIRE(is_date == 0 || is_date == 1);
    REQUIRE(is_date ? seconds >= 0 && seconds <= END_OF_9999 : seconds == -1);
    for (char *c = changed; *c; c++) {
        if (is_delimiter(*c)) {
            *c = "\t ,/;@[`{~"[(c - changed) % 10];
        } else if (isascii((unsigned char)*c) && isalpha((unsigned char)*c)) {
            *c = (char)(*c ^ 0x20);
        }
    }
    check_same(changed, is_date, seconds);
    check_same(apr_pstrcat(pool, " ", text, "; ", NULL), is_date, seconds);
    if (is_date) {
        check_same(apr_pstrcat(pool, text, " 31 dec 1999 23:59:59", NULL), 1, seconds);
        check_usual_form(seconds);
    }
    fuzz_pool_destroy(pool);
    return 0;
}
