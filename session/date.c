/* Reads a cookie-date. Time, day, month and year are called as the RFC's algorithm calls them. */
#include "session/date.h"

#include <apr_lib.h>
#include <apr_time.h>
#include <string.h>

typedef struct {
    int has_time, has_day, has_month, has_year;
    apr_time_exp_t at;
} found_t;

static int is_delimiter(char c)
{
    unsigned char u = (unsigned char)c;

    return u == 0x09 || (u >= 0x20 && u <= 0x2F) || (u >= 0x3B && u <= 0x40)
           || (u >= 0x5B && u <= 0x60) || (u >= 0x7B && u <= 0x7E);
}

/* A number of `least` to `most` digits that no further digit follows; how many there are, or 0. */
static int digits(const char *text, int least, int most, int *number)
{
    int count = 0;

    *number = 0;
    while (count < most && apr_isdigit(text[count])) {
        *number = *number * 10 + (text[count++] - '0');
    }
    return count < least || apr_isdigit(text[count]) ? 0 : count;
}

/* hms-time: two digits at most each. */
static int read_time(const char *token, apr_time_exp_t *at)
{
    int length = digits(token, 1, 2, &at->tm_hour);

    if (length == 0 || token[length] != ':') {
        return 0;
    }
    token += length + 1;
    length = digits(token, 1, 2, &at->tm_min);
    if (length == 0 || token[length] != ':') {
        return 0;
    }
    return digits(token + length + 1, 1, 2, &at->tm_sec) != 0;
}

static int read_month(const char *token, int *month)
{
    static const char *const names[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec" };

    for (*month = 0; *month < 12; ++*month) {
        if (strncasecmp(token, names[*month], 3) == 0) {
            return 1;
        }
    }
    return 0;
}

static void read_token(const char *token, found_t *found)
{
    int number;

    if (!found->has_time && read_time(token, &found->at)) {
        found->has_time = 1;
    } else if (!found->has_day && digits(token, 1, 2, &number)) {
        found->has_day = 1;
        found->at.tm_mday = number;
    } else if (!found->has_month && read_month(token, &number)) {
        found->has_month = 1;
        found->at.tm_mon = number;
    } else if (!found->has_year && digits(token, 2, 4, &number)) {
        found->has_year = 1;
        found->at.tm_year = number;
    }
}

static int days_in(int month, int year)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month] + (month == 1 && is_leap);
}

int secsession_date_parse(const char *text, apr_int64_t *seconds)
{
    found_t found = { 0 };
    apr_time_t moment;
    int year;

    while (*text) {
        if (is_delimiter(*text)) {
            text++;
            continue;
        }
        read_token(text, &found);
        while (*text && !is_delimiter(*text)) {
            text++;
        }
    }
    year = found.at.tm_year;
    if (year >= 0 && year <= 99) {
        year += year >= 70 ? 1900 : 2000;
    }
    if (!found.has_time || !found.has_day || !found.has_month || !found.has_year || year < 1601
        || found.at.tm_mday < 1 || found.at.tm_mday > days_in(found.at.tm_mon, year)
        || found.at.tm_hour > 23 || found.at.tm_min > 59 || found.at.tm_sec > 59) {
        return 0;
    }
    found.at.tm_year = year - 1900;
    if (apr_time_exp_gmt_get(&moment, &found.at) != APR_SUCCESS) {
        /* Before 1970, which APR cannot say. */
        moment = 0;
    }
    *seconds = apr_time_sec(moment);
    return 1;
}
