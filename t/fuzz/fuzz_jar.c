/* The input is a request, and then Set-Cookie fields that each end with a NUL. Cookies are kept as
 * RFC 6265bis says; no value that is sent contains a control character or a semicolon; a jar that
 * is written and read again is the same; and no bytes that are read as a jar do any harm. */
/* links: session/jar.c session/set_cookie.c session/date.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>

#include "session/jar.h"

#define NOW 1700000000
#define FARTHEST (400 * 24 * 3600)

static const char *const HOSTS[] = { "example.com", "a.b.example.com", "localhost", "10.0.0.1" };

typedef struct {
    const uint8_t *at;
    size_t left;
} input_t;

static uint8_t next_byte(input_t *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

static const char *next_string(apr_pool_t *pool, input_t *input)
{
    size_t length = input->left ? strnlen((const char *)input->at, input->left) : 0;
    const char *text = fuzz_string(pool, input->at, length);

    length += length < input->left;
    input->at += length;
    input->left -= length;
    return text;
}

static int is_clean(const char *text, const char *forbidden)
{
    for (; *text; text++) {
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7F
            || strchr(forbidden, *text)) {
            return 0;
        }
    }
    return 1;
}

static int is_trimmed(const char *text)
{
    size_t length = strlen(text);

    return length == 0 || (!strchr(" \t", text[0]) && !strchr(" \t", text[length - 1]));
}

static void check_kept(const secsession_kept_t *cookie, const secsession_asker_t *asker)
{
    REQUIRE(is_clean(cookie->name, ";=") && is_trimmed(cookie->name));
    REQUIRE(cookie->value == NULL
            || (is_clean(cookie->value, ";") && is_trimmed(cookie->value)
                && (*cookie->name || *cookie->value)
                && strlen(cookie->name) + strlen(cookie->value) <= 4096));
    REQUIRE(cookie->host_only ? strcmp(cookie->domain, asker->host) == 0
                              : secsession_jar_domain_matches(asker->host, cookie->domain));
    REQUIRE(cookie->host_only || strchr(cookie->domain, '.'));
    REQUIRE(*cookie->path == '/');
    REQUIRE(strcmp(cookie->same_site, "") == 0 || strcmp(cookie->same_site, "lax") == 0
            || strcmp(cookie->same_site, "strict") == 0 || strcmp(cookie->same_site, "none") == 0);
    REQUIRE((cookie->value == NULL) == (cookie->expires != 0 && cookie->expires <= NOW));
    REQUIRE(cookie->expires <= NOW + FARTHEST);
}

static const secsession_kept_t *at(const secsession_jar_t *jar, int i)
{
    return &APR_ARRAY_IDX(jar, i, secsession_kept_t);
}

static int is_equal(const secsession_jar_t *one, const secsession_jar_t *other)
{
    if (one->nelts != other->nelts) {
        return 0;
    }
    for (int i = 0; i < one->nelts; i++) {
        const secsession_kept_t *a = at(one, i), *b = at(other, i);

        if (strcmp(a->name, b->name) != 0 || strcmp(a->value, b->value) != 0
            || strcmp(a->domain, b->domain) != 0 || strcmp(a->path, b->path) != 0
            || strcmp(a->same_site, b->same_site) != 0 || a->host_only != b->host_only
            || a->expires != b->expires) {
            return 0;
        }
    }
    return 1;
}

static void check_packing(apr_pool_t *pool, const secsession_jar_t *jar)
{
    apr_size_t length;
    const char *bytes = secsession_jar_pack(pool, jar, &length);
    secsession_jar_t *back = secsession_jar_unpack(pool, apr_pmemdup(pool, bytes, length), length);

    REQUIRE(back != NULL && is_equal(jar, back));
}

static void check_sent(apr_pool_t *pool, const secsession_jar_t *jar,
                       const secsession_asker_t *asker)
{
    const char *field = secsession_jar_field(pool, jar, asker, NOW);
    int pieces = 1;

    if (field == NULL) {
        return;
    }
    REQUIRE(is_clean(field, ""));
    for (const char *c = strchr(field, ';'); c; c = strchr(c + 1, ';')) {
        REQUIRE(c[1] == ' ');
        pieces++;
    }
    REQUIRE(pieces <= jar->nelts);
}

static void check_any_bytes(apr_pool_t *pool, const uint8_t *data, size_t size,
                            const secsession_asker_t *asker)
{
    secsession_jar_t *jar = secsession_jar_unpack(pool, (const char *)data, size);
    secsession_kept_t cookie;

    if (jar) {
        check_packing(pool, jar);
        secsession_jar_field(pool, jar, asker, NOW);
        secsession_jar_fits(jar);
        if (jar->nelts > 0 && at(jar, 0)->expires >= 0) {
            cookie = *at(jar, 0);
            cookie.expires = NOW + FARTHEST;
            secsession_jar_set(jar, &cookie, NOW);
            REQUIRE(secsession_jar_set(jar, &cookie, NOW) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool_make();
    input_t input = { data, size };
    uint8_t flags = next_byte(&input);
    const secsession_asker_t asker = { .host = HOSTS[flags % 4],
                                       .path = next_string(pool, &input),
                                       .is_cross_site = flags >> 2 & 1,
                                       .is_top_level = flags >> 3 & 1 };
    secsession_jar_t *jar = secsession_jar_make(pool), *changes = secsession_jar_make(pool);
    secsession_kept_t cookie;

    while (input.left > 0) {
        if (secsession_jar_parse(pool, next_string(pool, &input), &asker, NOW, &cookie)) {
            check_kept(&cookie, &asker);
            if (secsession_jar_set(jar, &cookie, NOW)) {
                secsession_jar_note(changes, &cookie);
            }
            REQUIRE(secsession_jar_set(jar, &cookie, NOW) == 0);
        }
    }
    REQUIRE(changes->nelts >= jar->nelts);
    check_packing(pool, jar);
    check_sent(pool, jar, &asker);
    check_any_bytes(pool, data, size, &asker);
    fuzz_pool_destroy(pool);
    return 0;
}
