/* If a reader as simple as those of PHP, CGI.pm or Python finds the cookie "id" in a cookie-pair,
 * it is found here; and nothing is found where neither its letters nor an encoding are. */
/* links: http/parse/readings.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>

#include "http/parse/hex.h"
#include "http/parse/readings.h"

static int is_id(const char *name, const void *data)
{
    (*(int *)(uintptr_t)data)++;
    return strcmp(name, "id") == 0;
}

/* PHP: the name ends at "=" or "[", and begins behind blanks. */
static int php_finds(const char *pair)
{
    pair += strspn(pair, " \t\n\r\v\f");
    return strncmp(pair, "id", 2) == 0 && (pair[2] == '\0' || pair[2] == '=' || pair[2] == '[');
}

/* The next byte of a name as CGI.pm decodes it; moves *at behind it. */
static int next_byte(const char **at)
{
    const char *c = *at;
    int digits = *c == '%' && c[1] == 'u' ? 4 : 2, value = 0;

    *at = c + 1;
    if (*c != '%') {
        return *c == '+' ? ' ' : (unsigned char)*c;
    }
    c += digits == 4 ? 2 : 1;
    for (int i = 0; i < digits; i++, c++) {
        if (secsession_hex_value(*c) < 0) {
            return '%';
        }
        value = value * 16 + secsession_hex_value(*c);
    }
    *at = c;
    return value;
}

/* CGI.pm: commas separate, blanks around are taken away, and names are decoded. */
static int cgi_finds(const char *pair)
{
    for (const char *at = pair; at; at = strchr(at, ',')) {
        at += *at == ',';
        at += strspn(at, " \t\n\r\v\f");
        const char *name = at;

        if (next_byte(&name) == 'i' && next_byte(&name) == 'd' && *name == '=') {
            return 1;
        }
    }
    return 0;
}

/* http.cookies of Python: blanks separate, and a "=" must follow, with blanks around it or not. */
static int python_finds(const char *pair)
{
    for (const char *at = pair; (at = strstr(at, "id")) != NULL; at++) {
        const char *behind = at + 2 + strspn(at + 2, " \t\n\r\v\f");

        if ((at == pair || isspace((unsigned char)at[-1])) && *behind == '=') {
            return 1;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    const char *pair = fuzz_string(pool, data, size);
    int asked = 0;
    int found = secsession_readings_any(pool, pair, pair + strlen(pair), is_id, &asked);

    REQUIRE(found || !(php_finds(pair) || cgi_finds(pair) || python_finds(pair)));
    REQUIRE(!found || strchr(pair, '%') || strstr(pair, "id"));
    REQUIRE((size_t)asked <= 8 * (strlen(pair) + 1));
    fuzz_pool_destroy(pool);
    return 0;
}
