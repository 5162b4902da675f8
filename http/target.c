/* See target.h. Pure: links with nothing, so that it can be tested and fuzzed alone. */
#include "http/target.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of the path as whoever decodes it most often would see it; moves *at behind it. "%25" is
 * a percent sign that may begin another encoding: %252f is a slash to whoever decodes twice. */
static int decode_byte(const char **at)
{
    int byte = (unsigned char)*(*at)++;

    while (byte == '%') {
        int high = hex_value((*at)[0]);
        int low = high < 0 ? -1 : hex_value((*at)[1]);

        if (low < 0) {
            break;
        }
        byte = high * 16 + low;
        *at += 2;
    }
    return byte;
}

static int is_safe_byte(int byte)
{
    return byte >= 0x20 && byte != 0x7f && byte != '\\';
}

/* The path up to its query: "//host" and "/x/..//host" are other hosts, or become so. A lone dot
 * segment is refused too, as it vanishes when a path is made shorter. */
static int is_safe_path(const char *at)
{
    int length = 0, dots = 0;

    at++;
    for (;;) {
        int is_end = *at == '\0' || *at == '?' || *at == '#';
        int byte = is_end ? '/' : decode_byte(&at);

        if (!is_safe_byte(byte)) {
            return 0;
        }
        if (byte != '/') {
            length++;
            dots += byte == '.';
            continue;
        }
        if (length == 0 && !is_end) {
            return 0; /* an empty segment: two slashes in a row */
        }
        if (length > 0 && length <= 2 && dots == length) {
            return 0;
        }
        if (is_end) {
            return 1;
        }
        length = dots = 0;
    }
}

int secsession_target_is_local(const char *target)
{
    if (target == NULL || target[0] != '/' || strlen(target) > SECSESSION_TARGET_LENGTH) {
        return 0;
    }
    for (const char *c = target; *c; c++) {
        if (*c <= ' ' || *c == 0x7f || *c == '\\' || (unsigned char)*c >= 0x80) {
            return 0;
        }
    }
    return is_safe_path(target);
}
