/* Digits of percent-encodings (RFC 3986, 2.1). */
#ifndef SECSESSION_HEX_H
#define SECSESSION_HEX_H

/* The value of a hexadecimal digit; -1: it is none. Knows no locale. */
static inline int secsession_hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
