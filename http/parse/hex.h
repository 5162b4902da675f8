/* The hexadecimal digits of percent-encodings (RFC 3986, 2.1). */
#ifndef SECSESSION_HEX_H
#define SECSESSION_HEX_H

/* The value of a hexadecimal digit, or -1 if `c` is not one. Does not depend on the locale. */
static inline int secsession_hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
