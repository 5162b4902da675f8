/* Reads a path in every way in which a browser might read it. Does not call any library, so that it
 * can be tested and fuzzed on its own. */
#include "http/parse/target.h"

#include <string.h>

#include "http/parse/hex.h"

/* Decodes the path, up to its query, until nothing is left to decode: "%252f" and "%25%32%66" are
 * slashes to a program that decodes twice. One pass is enough: a byte that completes a "%XX" is
 * replaced at once by what this stands for, which may complete another "%XX". Returns the number of
 * bytes in `decoded`. */
static size_t decode(const char *path, unsigned char *decoded)
{
    size_t length = 0;

    for (; *path && *path != '?' && *path != '#'; path++) {
        decoded[length++] = (unsigned char)*path;
        while (length >= 3 && decoded[length - 3] == '%') {
            int high = secsession_hex_value((char)decoded[length - 2]);
            int low = secsession_hex_value((char)decoded[length - 1]);

            if (high < 0 || low < 0) {
                break;
            }
            length -= 2;
            decoded[length - 1] = (unsigned char)(high * 16 + low);
        }
    }
    return length;
}

static int is_safe_byte(int byte)
{
    return byte >= 0x20 && byte != 0x7f && byte != '\\';
}

/* "//host" is another host, and "/x/..//host" becomes one when the dot segments are removed.
 * Therefore dot segments are refused, including a single dot. Without them, two slashes are
 * harmless anywhere but at the start. */
static int is_safe_path(const char *path)
{
    unsigned char decoded[SECSESSION_TARGET_LENGTH];
    size_t length = decode(path, decoded);
    int segment = 0, dots = 0;

    for (size_t i = 1; i <= length; i++) {
        int byte = i < length ? decoded[i] : '/';

        if (!is_safe_byte(byte)) {
            return 0;
        }
        if (byte != '/') {
            segment++;
            dots += byte == '.';
            continue;
        }
        if (i == 1 && length > 1) {
            return 0; /* two slashes at the start */
        }
        if (segment > 0 && segment <= 2 && dots == segment) {
            return 0;
        }
        segment = dots = 0;
    }
    return 1;
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
