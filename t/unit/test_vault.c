/* store/vault.h: cookies are written as SQL expects them, and read from what it answers.
 * links: store/vault.c store/answer.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_escape.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "store/vault.h"
#include "t/unit/keys_of.h"

#define COLUMNS 8
#define ID "01234567-89ab-4def-8123-456789abcdef"
#define KEY "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static apr_pool_t *pool;
static secsession_keys_t *keys;

static int set_up(void **state)
{
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 1;
    }
    keys = keys_of(pool, KEY);
    return 0;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static secsession_jar_t *jar_of(const secsession_kept_t *cookies, int count)
{
    secsession_jar_t *jar = secsession_jar_make(pool);

    for (int i = 0; i < count; i++) {
        APR_ARRAY_PUSH(jar, secsession_kept_t) = cookies[i];
    }
    return jar;
}

static const secsession_kept_t COOKIE = {
    .name = "a", .value = "1\xFF", .domain = "h", .path = "/", .host_only = 1, .same_site = "lax"
};

static void cookies_are_json_in_hexadecimal(void **state)
{
    const secsession_kept_t cookies[] = {
        COOKIE,
        { .name = "", .value = "", .domain = "", .path = "/\"", .same_site = "" },
        { .name = "gone",
          .value = NULL,
          .domain = "h",
          .path = "/",
          .same_site = "",
          .expires = 1 },
    };
    const char *json = secsession_vault_encode(pool, NULL, ID, jar_of(cookies, 3));
    const char *left;

    assert_string_equal(secsession_vault_encode(pool, NULL, ID, secsession_jar_make(pool)), "[]");
    assert_string_equal(secsession_vault_encode(pool, NULL, ID, jar_of(&COOKIE, 1)),
                        "[{\"name\":\"61\",\"domain\":\"68\",\"path\":\"2f\",\"value\":\"0031ff\","
                        "\"host_only\":true,\"same_site\":\"lax\",\"left\":null}]");
    assert_non_null(strstr(json,
                           ",{\"name\":\"\",\"domain\":\"\",\"path\":\"2f22\",\"value\":\"00\","
                           "\"host_only\":false,\"same_site\":\"\",\"left\":null},"));
    left = strstr(json, "\"value\":null,\"host_only\":false,\"same_site\":\"\",\"left\":-");
    assert_non_null(left);
}

static void time_that_is_left_is_counted_from_now(void **state)
{
    secsession_kept_t cookie = COOKIE;
    const char *left;

    cookie.expires = apr_time_sec(apr_time_now()) + 1000;
    left = strstr(secsession_vault_encode(pool, NULL, ID, jar_of(&cookie, 1)), "\"left\":");
    assert_in_range(atoi(left + 7), 900, 1000);
}

/* --- answers --------------------------------------------------------------------------------- */

static PGresult *answer(int columns)
{
    PGresAttDesc attributes[COLUMNS + 1];
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    char name[] = "column";

    memset(attributes, 0, sizeof(attributes));
    for (int i = 0; i < columns; i++) {
        attributes[i].name = name;
        attributes[i].format = 1;
    }
    assert_true(PQsetResultAttrs(result, columns, attributes));
    return result;
}

static void set_value(PGresult *result, int row, int column, const void *bytes, int length)
{
    char *copy = bytes ? apr_pmemdup(pool, bytes, (apr_size_t)length + 1) : NULL;

    assert_true(PQsetvalue(result, row, column, copy, bytes ? length : -1));
}

static void set_text(PGresult *result, int row, int column, const char *text)
{
    set_value(result, row, column, text, (int)strlen(text));
}

static void add_row(PGresult *result, int row, const secsession_kept_t *cookie, const char *seal,
                    int length)
{
    set_value(result, row, 0, "\0\0\0\7", 4);
    set_text(result, row, 1, cookie->name);
    set_text(result, row, 2, cookie->domain);
    set_text(result, row, 3, cookie->path);
    set_value(result, row, 4, seal, length);
    set_value(result, row, 5, cookie->host_only ? "\1" : "\0", 1);
    set_text(result, row, 6, cookie->same_site);
    set_value(result, row, 7, cookie->expires ? "\0\0\x03\xE8" : NULL, 4);
}

static secsession_jar_t *jar;
static apr_uint32_t version;
static int sealed;
static const char *id = ID; /* of the session whose vault is read */

static apr_status_t decode(const secsession_keys_t *with, PGresult *result)
{
    apr_status_t status = secsession_vault_decode(pool, with, id, result, &jar, &version, &sealed);

    PQclear(result);
    return status;
}

/* The value that encode() has sealed. */
static const char *seal_of(const secsession_keys_t *with, const secsession_kept_t *cookie,
                           int *length)
{
    const char *json = secsession_vault_encode(pool, with, ID, jar_of(cookie, 1));
    char *hex = apr_pstrdup(pool, strstr(json, "\"value\":\"") + 9);
    apr_size_t size;
    const void *bytes;

    *strchr(hex, '"') = '\0';
    bytes = apr_punescape_hex(pool, hex, 0, &size);
    *length = (int)size;
    return bytes;
}

static void cookies_come_back_whole(void **state)
{
    for (int is_sealed = 0; is_sealed < 2; is_sealed++) {
        const secsession_keys_t *with = is_sealed ? keys : NULL;
        secsession_kept_t cookies[2] = { COOKIE, COOKIE };
        PGresult *result = answer(COLUMNS);
        const secsession_kept_t *back;

        cookies[1].value = "";
        cookies[1].name = "";
        cookies[1].host_only = 0;
        cookies[1].expires = 1;
        for (int i = 0; i < 2; i++) {
            int length;
            const char *seal = seal_of(with, &cookies[i], &length);

            add_row(result, i, &cookies[i], seal, length);
        }
        assert_int_equal(decode(with, result), APR_SUCCESS);
        assert_int_equal(version, 7);
        assert_int_equal(sealed, 0);
        assert_int_equal(jar->nelts, 2);
        back = (const secsession_kept_t *)jar->elts;
        for (int i = 0; i < 2; i++) {
            assert_string_equal(back[i].name, cookies[i].name);
            assert_string_equal(back[i].value, cookies[i].value);
            assert_string_equal(back[i].domain, "h");
            assert_string_equal(back[i].path, "/");
            assert_string_equal(back[i].same_site, "lax");
            assert_int_equal(back[i].host_only, cookies[i].host_only);
        }
        assert_int_equal(back[0].expires, 0);
        assert_in_range(back[1].expires - apr_time_sec(apr_time_now()), 900, 1000);
    }
}

static void seal_opens_for_its_own_cookie_only(void **state)
{
    secsession_kept_t others[] = { COOKIE, COOKIE, COOKIE, COOKIE };
    PGresult *result = answer(COLUMNS);
    int length;
    const char *seal = seal_of(keys, &COOKIE, &length);

    others[0].name = "b";
    others[1].domain = "g";
    others[2].path = "/x";
    others[3].host_only = 0;
    for (int i = 0; i < 4; i++) {
        add_row(result, i, &others[i], seal, length);
    }
    add_row(result, 4, &COOKIE, seal, length);
    assert_int_equal(decode(keys, result), APR_SUCCESS);
    assert_int_equal(sealed, 4);
    assert_int_equal(jar->nelts, 1);

    result = answer(COLUMNS);
    add_row(result, 0, &COOKIE, seal, length);
    assert_int_equal(decode(NULL, result), APR_SUCCESS);
    assert_int_equal(sealed, 1);
    assert_int_equal(jar->nelts, 0);
}

/* Somebody who can write into the database has moved it into a session of his own. */
static void seal_opens_in_its_own_session_only(void **state)
{
    PGresult *result = answer(COLUMNS);
    int length;
    const char *seal = seal_of(keys, &COOKIE, &length);

    add_row(result, 0, &COOKIE, seal, length);
    id = "11234567-89ab-4def-8123-456789abcdef";
    assert_int_equal(decode(keys, result), APR_SUCCESS);
    assert_int_equal(sealed, 1);
    assert_int_equal(jar->nelts, 0);
    id = ID;
}

static void empty_vault_has_a_version_and_no_session_has_none(void **state)
{
    PGresult *result = answer(COLUMNS);

    set_value(result, 0, 0, "\0\0\0\3", 4);
    for (int i = 1; i < COLUMNS; i++) {
        set_value(result, 0, i, NULL, 0);
    }
    assert_int_equal(decode(NULL, result), APR_SUCCESS);
    assert_int_equal(version, 3);
    assert_int_equal(jar->nelts, 0);
    assert_int_equal(decode(NULL, answer(COLUMNS)), APR_ENOENT);
}

static void what_is_no_such_answer_is_an_error(void **state)
{
    PGresult *result = answer(COLUMNS - 1);

    set_value(result, 0, 0, "\0\0\0\3", 4);
    assert_int_equal(decode(NULL, result), APR_EGENERAL);
    result = answer(COLUMNS);
    add_row(result, 0, &COOKIE, "\0x", 2);
    set_value(result, 0, 0, "7", 1); /* as text instead of binary */
    assert_int_equal(decode(NULL, result), APR_EGENERAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_json_in_hexadecimal),
        cmocka_unit_test(time_that_is_left_is_counted_from_now),
        cmocka_unit_test(cookies_come_back_whole),
        cmocka_unit_test(seal_opens_for_its_own_cookie_only),
        cmocka_unit_test(seal_opens_in_its_own_session_only),
        cmocka_unit_test(empty_vault_has_a_version_and_no_session_has_none),
        cmocka_unit_test(what_is_no_such_answer_is_an_error),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    apr_terminate();
    return failed;
}
