/* session/token.h: tokens that were made here are accepted, and nothing that only looks like
 * one. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include <apr_errno.h>
#include <apr_general.h>
#include <openssl/evp.h>

#include "session/token.h"
#include "t/unit/keys_of.h"

#define MANY 10000

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
#define ONE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define TWO "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static const char ZEROS[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* The results of the next calls of the kernel and of libcrypto, which session/token.c makes through
 * the two functions below. */
static ssize_t random_bytes = SECSESSION_TOKEN_BYTES;
static int digest_works = 1;
static unsigned int digest_bytes = SECSESSION_HASH_BYTES;

ssize_t getrandom(void *buffer, size_t length, unsigned int flags)
{
    long got = syscall(SYS_getrandom, buffer, length, flags);

    return random_bytes < got ? random_bytes : got;
}

int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *md, unsigned int *size)
{
    int (*real)(EVP_MD_CTX *, unsigned char *, unsigned int *);
    int done;

    *(void **)&real = dlsym(RTLD_NEXT, "EVP_DigestFinal_ex");
    done = real(context, md, size);
    *size = digest_bytes < *size ? digest_bytes : *size;
    return done && digest_works;
}

static void what_is_made_is_recognised(void **state)
{
    char text[SECSESSION_TOKEN_SIZE];
    secsession_hash_t made, found;

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(secsession_token_make(NULL, text, &made), APR_SUCCESS);
        assert_int_equal(strlen(text), SECSESSION_TOKEN_CHARS);
        assert_int_equal(strspn(text, ALPHABET), SECSESSION_TOKEN_CHARS);
        assert_int_equal(secsession_token_hash(NULL, text, strlen(text), &found), APR_SUCCESS);
        assert_memory_equal(made.bytes, found.bytes, SECSESSION_HASH_BYTES);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void no_token_is_made_twice(void **state)
{
    static char tokens[MANY][SECSESSION_TOKEN_SIZE];
    secsession_hash_t hash;

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(secsession_token_make(NULL, tokens[i], &hash), APR_SUCCESS);
    }
    qsort(tokens, MANY, sizeof(tokens[0]), compare);
    for (int i = 1; i < MANY; i++) {
        assert_string_not_equal(tokens[i - 1], tokens[i]);
    }
}

/* Every bit of every byte must take both values, or part of the token would be constant:
 * ASVS 5.0 7.2.3. */
static void every_character_of_a_token_is_random(void **state)
{
    unsigned char seen[SECSESSION_TOKEN_CHARS][256] = { { 0 } };
    char text[SECSESSION_TOKEN_SIZE];
    secsession_hash_t hash;

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(secsession_token_make(NULL, text, &hash), APR_SUCCESS);
        for (int at = 0; at < SECSESSION_TOKEN_CHARS; at++) {
            seen[at][(unsigned char)text[at]] = 1;
        }
    }
    for (int at = 0; at < SECSESSION_TOKEN_CHARS; at++) {
        int different = 0;

        for (int c = 0; c < 256; c++) {
            different += seen[at][c];
        }
        assert_int_equal(different, at < SECSESSION_TOKEN_CHARS - 1 ? 64 : 16);
    }
}

/* `printf '<the bytes>' | sha256sum`, for 32 bytes of zero and for the bytes 0 to 31. */
static void hash_is_sha_256_of_the_bytes(void **state)
{
    static const struct {
        const char *text;
        unsigned char hash[SECSESSION_HASH_BYTES];
    } known[] = {
        { ZEROS, { 0x66, 0x68, 0x7a, 0xad, 0xf8, 0x62, 0xbd, 0x77, 0x6c, 0x8f, 0xc1,
                   0x8b, 0x8e, 0x9f, 0x8e, 0x20, 0x08, 0x97, 0x14, 0x85, 0x6e, 0xe2,
                   0x33, 0xb3, 0x90, 0x2a, 0x59, 0x1d, 0x0d, 0x5f, 0x29, 0x25 } },
        { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
          { 0x63, 0x0d, 0xcd, 0x29, 0x66, 0xc4, 0x33, 0x66, 0x91, 0x12, 0x54,
            0x48, 0xbb, 0xb2, 0x5b, 0x4f, 0xf4, 0x12, 0xa4, 0x9c, 0x73, 0x2d,
            0xb2, 0xc8, 0xab, 0xc1, 0xb8, 0x58, 0x1b, 0xd7, 0x10, 0xdd } },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        secsession_hash_t hash;

        assert_int_equal(secsession_token_hash(NULL, known[i].text, SECSESSION_TOKEN_CHARS, &hash),
                         APR_SUCCESS);
        assert_memory_equal(hash.bytes, known[i].hash, SECSESSION_HASH_BYTES);
    }
}

static void only_43_characters_are_a_token(void **state)
{
    char text[200];
    secsession_hash_t hash;

    memset(text, 'A', sizeof(text));
    for (apr_size_t length = 0; length <= sizeof(text); length++) {
        assert_int_equal(secsession_token_hash(NULL, text, length, &hash),
                         length == SECSESSION_TOKEN_CHARS ? APR_SUCCESS : APR_EINVAL);
    }
}

static int is_accepted_at(int position, int character)
{
    char text[SECSESSION_TOKEN_CHARS];
    secsession_hash_t hash;

    memcpy(text, ZEROS, sizeof(text));
    text[position] = (char)character;
    return secsession_token_hash(NULL, text, sizeof(text), &hash) == APR_SUCCESS;
}

static void every_other_character_is_refused_everywhere(void **state)
{
    for (int position = 0; position < SECSESSION_TOKEN_CHARS - 1; position++) {
        for (int character = 0; character < 256; character++) {
            int is_one = character && strchr(ALPHABET, character);

            assert_int_equal(is_accepted_at(position, character), is_one ? 1 : 0);
        }
    }
}

/* The last character has two bits more than the 32nd byte needs. If these were ignored, every token
 * could be written in four ways. */
static void a_token_has_one_spelling(void **state)
{
    for (int character = 0; character < 256; character++) {
        const char *found = character ? strchr(ALPHABET, character) : NULL;

        assert_int_equal(is_accepted_at(SECSESSION_TOKEN_CHARS - 1, character),
                         found && (found - ALPHABET) % 4 == 0);
    }
}

/* The hash that a connection remembers is used only for the token that it was made from. */
static void known_token_answers_for_itself_alone(void **state)
{
    secsession_known_token_t known = { 0 };
    secsession_hash_t made[2], found;
    char texts[2][SECSESSION_TOKEN_SIZE];

    assert_int_equal(secsession_token_hash_known(NULL, "", 0, &known, &found), APR_EINVAL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(secsession_token_make(NULL, texts[i], &made[i]), APR_SUCCESS);
    }
    for (int i = 0; i < 8; i++) {
        int which = i / 2 % 2;

        assert_int_equal(secsession_token_hash_known(NULL, texts[which], SECSESSION_TOKEN_CHARS,
                                                     &known, &found),
                         APR_SUCCESS);
        assert_memory_equal(made[which].bytes, found.bytes, SECSESSION_HASH_BYTES);
    }
    for (int position = 0; position < SECSESSION_TOKEN_CHARS; position++) {
        char other[SECSESSION_TOKEN_CHARS + 1];
        secsession_hash_t direct;

        memcpy(other, texts[1], sizeof(other));
        other[position] = other[position] == 'A' ? 'E' : 'A';
        assert_int_equal(secsession_token_hash(NULL, other, SECSESSION_TOKEN_CHARS, &direct),
                         APR_SUCCESS);
        assert_int_equal(secsession_token_hash_known(NULL, other, SECSESSION_TOKEN_CHARS, &known,
                                                     &found),
                         APR_SUCCESS);
        assert_memory_equal(direct.bytes, found.bytes, SECSESSION_HASH_BYTES);
        assert_int_equal(secsession_token_hash_known(NULL, texts[1], SECSESSION_TOKEN_CHARS, &known,
                                                     &found),
                         APR_SUCCESS);
        assert_memory_equal(made[1].bytes, found.bytes, SECSESSION_HASH_BYTES);
    }
}

/* Neither text that is not a token nor a token that could not be hashed is remembered. */
static void what_has_no_hash_is_not_known(void **state)
{
    secsession_known_token_t known = { 0 };
    secsession_hash_t right, found;

    assert_int_equal(secsession_token_hash(NULL, ZEROS, SECSESSION_TOKEN_CHARS, &right),
                     APR_SUCCESS);
    digest_works = 0;
    assert_int_equal(secsession_token_hash_known(NULL, ZEROS, SECSESSION_TOKEN_CHARS, &known,
                                                 &found),
                     APR_EGENERAL);
    assert_int_equal(secsession_token_hash_known(NULL, ZEROS, SECSESSION_TOKEN_CHARS, &known,
                                                 &found),
                     APR_EGENERAL);
    digest_works = 1;
    assert_int_equal(secsession_token_hash_known(NULL, ZEROS, SECSESSION_TOKEN_CHARS, &known,
                                                 &found),
                     APR_SUCCESS);
    assert_memory_equal(right.bytes, found.bytes, SECSESSION_HASH_BYTES);
    assert_int_equal(secsession_token_hash_known(NULL, ZEROS, SECSESSION_TOKEN_CHARS - 1, &known,
                                                 &found),
                     APR_EINVAL);
    assert_int_equal(secsession_token_hash_known(NULL,
                                                 "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                                 SECSESSION_TOKEN_CHARS, &known, &found),
                     APR_EINVAL);
    assert_int_equal(known.text[0], 0);
}

/* --- tags ------------------------------------------------------------------------------------ */

static apr_pool_t *pool;

static int set_up(void **state)
{
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static apr_status_t status_of(const secsession_keys_t *keys, const char *text)
{
    secsession_hash_t hash;

    return secsession_token_hash(keys, text, strlen(text), &hash);
}

static void token_with_a_tag_is_recognised_by_its_keys(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE), *others = keys_of(pool, "7 " TWO);
    char text[SECSESSION_TOKEN_SIZE];
    secsession_hash_t made, found;

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(secsession_token_make(keys, text, &made), APR_SUCCESS);
        assert_int_equal(strlen(text), SECSESSION_TAGGED_CHARS);
        assert_int_equal(strspn(text, ALPHABET), SECSESSION_TAGGED_CHARS);
        assert_int_equal(secsession_token_hash(keys, text, strlen(text), &found), APR_SUCCESS);
        assert_memory_equal(made.bytes, found.bytes, SECSESSION_HASH_BYTES);
        assert_int_equal(status_of(others, text), APR_EMISMATCH);
    }
    assert_int_equal(status_of(NULL, text), APR_EINVAL);
    text[SECSESSION_TOKEN_CHARS] = '\0';
    assert_int_not_equal(status_of(keys, text), APR_SUCCESS);
}

/* The hash of the same 32 bytes is the same: the database need not know of tags. And the tag is
 * what anybody computes for it:
 * `printf '\0...' | openssl mac -digest SHA256 -macopt hexkey:000102...1f HMAC`, for 32 bytes. */
static void tag_is_hmac_sha_256(void **state)
{
    static const char text[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHQWxTkrnzbfGI6Q6xTRe_";
    secsession_hash_t with_tag, without;

    assert_int_equal(secsession_token_hash(keys_of(pool, "7 " ONE), text, strlen(text), &with_tag),
                     APR_SUCCESS);
    assert_int_equal(secsession_token_hash(NULL, ZEROS, strlen(ZEROS), &without), APR_SUCCESS);
    assert_memory_equal(with_tag.bytes, without.bytes, SECSESSION_HASH_BYTES);
}

static void one_changed_bit_is_no_token(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE "\n8 " TWO);
    char text[SECSESSION_TOKEN_SIZE];
    secsession_hash_t hash;

    assert_int_equal(secsession_token_make(keys, text, &hash), APR_SUCCESS);
    for (int at = 0; at < SECSESSION_TAGGED_CHARS; at++) {
        char right = text[at];

        for (int bit = 0; bit < 6; bit++) {
            text[at] = ALPHABET[(strchr(ALPHABET, right) - ALPHABET) ^ 1 << bit];
            assert_int_equal(status_of(keys, text), APR_EMISMATCH);
        }
        text[at] = '.';
        assert_int_equal(status_of(keys, text), APR_EINVAL);
        text[at] = right;
    }
    assert_int_equal(status_of(keys, text), APR_SUCCESS);
}

static void keys_of_tags_can_be_changed_one_after_the_other(void **state)
{
    const secsession_keys_t *old = keys_of(pool, "1 " ONE),
                            *both = keys_of(pool, "2 " TWO "\n1 " ONE);
    const secsession_keys_t *new = keys_of(pool, "2 " TWO);
    char by_old[SECSESSION_TOKEN_SIZE], by_both[SECSESSION_TOKEN_SIZE];
    secsession_hash_t hash;

    assert_int_equal(secsession_token_make(old, by_old, &hash), APR_SUCCESS);
    assert_int_equal(secsession_token_make(both, by_both, &hash), APR_SUCCESS);
    assert_int_equal(status_of(both, by_old), APR_SUCCESS);
    assert_int_equal(status_of(new, by_both), APR_SUCCESS);
    assert_int_equal(status_of(new, by_old), APR_EMISMATCH);
    assert_int_equal(status_of(old, by_both), APR_EMISMATCH);
}

/* A connection may lead to two virtual hosts, one after the other. */
static void what_one_host_knows_is_not_known_to_another(void **state)
{
    const secsession_keys_t *keys = keys_of(pool, "7 " ONE), *others = keys_of(pool, "7 " TWO);
    secsession_known_token_t known = { 0 };
    char text[SECSESSION_TOKEN_SIZE];
    secsession_hash_t made, found;

    assert_int_equal(secsession_token_make(keys, text, &made), APR_SUCCESS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(secsession_token_hash_known(keys, text, strlen(text), &known, &found),
                         APR_SUCCESS);
        assert_int_equal(secsession_token_hash_known(keys, text, strlen(text), &known, &found),
                         APR_SUCCESS);
        assert_memory_equal(made.bytes, found.bytes, SECSESSION_HASH_BYTES);
        assert_int_equal(secsession_token_hash_known(i ? NULL : others, text, strlen(text), &known,
                                                     &found),
                         i ? APR_EINVAL : APR_EMISMATCH);
    }
}

/* --- trouble --------------------------------------------------------------------------------- */

static void assert_no_token(void)
{
    char text[SECSESSION_TOKEN_SIZE] = "untouched";
    secsession_hash_t hash;

    assert_int_equal(secsession_token_make(NULL, text, &hash), APR_EGENERAL);
    assert_string_equal(text, "untouched");
}

/* An error, fewer bytes than asked for (because of a signal), and none at all. */
static void nobody_gets_a_token_that_is_not_random(void **state)
{
    static const ssize_t results[] = { -1, 0, 1, SECSESSION_TOKEN_BYTES - 1 };

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        random_bytes = results[i];
        assert_no_token();
    }
}

static int kernel_works_again(void **state)
{
    random_bytes = SECSESSION_TOKEN_BYTES;
    return 0;
}

/* Otherwise every token would be looked up under the same half-written hash. */
static void hash_that_fails_finds_no_session(void **state)
{
    secsession_hash_t hash;

    digest_works = 0;
    assert_no_token();
    assert_int_equal(secsession_token_hash(NULL, ZEROS, SECSESSION_TOKEN_CHARS, &hash),
                     APR_EGENERAL);
    digest_works = 1;
    digest_bytes = SECSESSION_HASH_BYTES - 1;
    assert_no_token();
    assert_int_equal(secsession_token_hash(NULL, ZEROS, SECSESSION_TOKEN_CHARS, &hash),
                     APR_EGENERAL);
}

static int libcrypto_works_again(void **state)
{
    digest_works = 1;
    digest_bytes = SECSESSION_HASH_BYTES;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_recognised),
        cmocka_unit_test(no_token_is_made_twice),
        cmocka_unit_test(every_character_of_a_token_is_random),
        cmocka_unit_test(hash_is_sha_256_of_the_bytes),
        cmocka_unit_test(only_43_characters_are_a_token),
        cmocka_unit_test(every_other_character_is_refused_everywhere),
        cmocka_unit_test(a_token_has_one_spelling),
        cmocka_unit_test(known_token_answers_for_itself_alone),
        cmocka_unit_test(token_with_a_tag_is_recognised_by_its_keys),
        cmocka_unit_test(tag_is_hmac_sha_256),
        cmocka_unit_test(one_changed_bit_is_no_token),
        cmocka_unit_test(keys_of_tags_can_be_changed_one_after_the_other),
        cmocka_unit_test(what_one_host_knows_is_not_known_to_another),
        cmocka_unit_test_teardown(what_has_no_hash_is_not_known, libcrypto_works_again),
        cmocka_unit_test_teardown(nobody_gets_a_token_that_is_not_random, kernel_works_again),
        cmocka_unit_test_teardown(hash_that_fails_finds_no_session, libcrypto_works_again),
    };

    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
