/* Our cookie is removed from a Cookie field, in whatever way a program reads what is left. Every
 * other cookie is kept, byte for byte and in order. The value is that of our cookie, and it is
 * taken for a token only if it is one. */
/* links: http/parse/cookie.c session/token.c session/mac.c session/keys.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>

#include "http/parse/cookie.h"
#include "session/token.h"

/* The default name, a short one, and one that can begin inside itself. */
static const char *const NAMES[] = { "__Host-secsession", "sid", "aa" };

static const char BLANKS[] = " \t";

/* The text before the next of `separators`, without the blanks around it. *at is set to what
 * follows the separator, or to NULL if this was the last piece. */
static char *next_piece(apr_pool_t *pool, const char **at, const char *separators)
{
    size_t length = strcspn(*at, separators);
    const char *start = *at;
    char *piece;

    *at = start[length] ? start + length + 1 : NULL;
    piece = apr_pstrmemdup(pool, start, length);
    piece += strspn(piece, BLANKS);
    for (char *end = piece + strlen(piece); end > piece && strchr(BLANKS, end[-1]);) {
        *--end = '\0';
    }
    return piece;
}

/* The value if `piece` is the cookie `name`, else NULL; without a "=" the value is empty. */
static const char *value_of(const char *piece, const char *name)
{
    size_t length = strcspn(piece, "=");
    const char *value = piece[length] ? piece + length + 1 : piece + length;

    while (length > 0 && strchr(BLANKS, piece[length - 1])) {
        length--;
    }
    return length == strlen(name) && memcmp(piece, name, length) == 0 ? value : NULL;
}

/* Whether a program that separates cookies by commas finds the cookie `name`. */
static int is_behind_comma(const char *piece, const char *name)
{
    while ((piece = strchr(piece, ',')) != NULL) {
        piece += 1 + strspn(piece + 1, BLANKS);
        if (value_of(piece, name)) {
            return 1;
        }
    }
    return 0;
}

typedef struct {
    char *kept; /* what should be left */
    const char *value;
    secsession_presented_t presented;
    int is_hidden; /* a cookie was removed because of what follows a comma in it */
} expected_t;

static expected_t expect(apr_pool_t *pool, const char *field, const char *name)
{
    expected_t expected = { .kept = apr_palloc(pool, 2 * strlen(field) + 3) };

    *expected.kept = '\0';
    for (const char *at = field; at;) {
        const char *piece = next_piece(pool, &at, ";");
        const char *value = value_of(piece, name);

        if (value == NULL && is_behind_comma(piece, name)) {
            expected.is_hidden = 1;
        } else if (value == NULL && *piece) {
            strcat(expected.kept, *expected.kept ? "; " : "");
            strcat(expected.kept, piece);
        } else if (value && expected.presented == SECSESSION_COOKIE_NONE) {
            expected.presented = SECSESSION_COOKIE_ONE;
            expected.value = value;
        } else if (value && strcmp(value, expected.value) != 0) {
            expected.presented = SECSESSION_COOKIE_SEVERAL;
        }
    }
    return expected;
}

/* A program that separates cookies by commas, too, does not find our cookie. */
static void check_nobody_finds(apr_pool_t *pool, const char *rest, const char *name)
{
    for (const char *at = rest; at;) {
        const char *piece = next_piece(pool, &at, ";,");

        REQUIRE(strchr(piece, '=') == NULL || value_of(piece, name) == NULL);
    }
}

static void check_value(const char *value)
{
    secsession_hash_t hash;
    size_t length = strlen(value);
    int is_token = length == SECSESSION_TOKEN_CHARS
                   && strspn(value,
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
                          == length
                   && strchr("AEIMQUYcgkosw048", value[length - 1]);

    REQUIRE(strchr(value, ';') == NULL);
    REQUIRE(length == 0 || strchr(BLANKS, value[length - 1]) == NULL);
    REQUIRE(secsession_token_hash(NULL, value, length, &hash)
            == (is_token ? APR_SUCCESS : APR_EINVAL));
}

static void check_values(const secsession_values_t *values)
{
    REQUIRE(values->count <= SECSESSION_COOKIE_VALUES + 1);
    for (int i = 0; i < SECSESSION_COOKIE_VALUES; i++) {
        REQUIRE((values->texts[i] != NULL) == (i < values->count));
        for (int j = 0; j < i && i < values->count; j++) {
            REQUIRE(strcmp(values->texts[i], values->texts[j]) != 0);
        }
        if (values->texts[i]) {
            check_value(values->texts[i]);
        }
    }
}

static void check(apr_pool_t *pool, const char *field, const char *name)
{
    secsession_values_t values = { .texts = { field } };
    const char *value, *rest = NULL, *again;
    char *before = apr_pstrmemdup(pool, field, strlen(field));
    expected_t expected = expect(pool, field, name);
    secsession_presented_t presented = secsession_cookie_take(pool, field, name, &values, &rest);

    value = values.texts[0];
    REQUIRE(strcmp(field, before) == 0);
    REQUIRE(presented == expected.presented);
    REQUIRE((value == NULL) == (presented == SECSESSION_COOKIE_NONE));
    if (value) {
        REQUIRE(strcmp(value, expected.value) == 0);
        check_values(&values);
    }
    if (rest == field) {
        REQUIRE(presented == SECSESSION_COOKIE_NONE && !expected.is_hidden);
        return;
    }
    REQUIRE(strcmp(rest ? rest : "", expected.kept) == 0);
    REQUIRE(rest == NULL || *rest);
    if (rest) {
        check_nobody_finds(pool, rest, name);
        REQUIRE(secsession_cookie_take(pool, rest, name, &values, &again)
                == SECSESSION_COOKIE_NONE);
        REQUIRE(again && strcmp(rest, again) == 0);
    }
}

/* A Set-Cookie field sets our cookie if what a browser then sends has it; a cookie without a name
 * is sent as its value alone. */
static void check_set(apr_pool_t *pool, const char *field, const char *name)
{
    const char *sent = field + strspn(field, " \t="), *rest;
    secsession_values_t values;

    sent = apr_pstrmemdup(pool, sent, strcspn(sent, ";"));
    REQUIRE(
        secsession_cookie_is_set_by(field, name)
        == (secsession_cookie_take(pool, sent, name, &values, &rest) != SECSESSION_COOKIE_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
        apr_pool_t *pool = fuzz_pool_make();

        check(pool, fuzz_string(pool, data, size), NAMES[i]);
        check_set(pool, fuzz_string(pool, data, size), NAMES[i]);
        fuzz_pool_destroy(pool);
    }
    return 0;
}
