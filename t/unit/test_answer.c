/* store/answer.h: an answer of the database is either read completely or not at all.
 * links: store/answer.c
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "session/claim.h"
#include "store/answer.h"

#define FIELDS 20
#define SECOND 1000000LL

/* A stamp: it has this many bytes. */
#define STAMP "01234567890123456789012345678901234567890123456789012345"

/* As many bytes as the MAC of a claim. */
#define MAC "\1abcdefghijklmnop"

typedef struct {
    unsigned char bytes[1024];
    int length;
} row_t;

static apr_pool_t *pool;

static void put(row_t *row, const void *bytes, int length)
{
    memcpy(row->bytes + row->length, bytes, (size_t)length);
    row->length += length;
}

static void put_number(row_t *row, int64_t value, int size)
{
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
        row->bytes[row->length++] = (unsigned char)((uint64_t)value >> shift);
    }
}

static void put_field(row_t *row, const void *bytes, int length)
{
    put_number(row, 25, 4); /* the type: not looked at */
    put_number(row, bytes ? length : -1, 4);
    if (bytes) {
        put(row, bytes, length);
    }
}

static void put_text(row_t *row, const char *text)
{
    put_field(row, text, text ? (int)strlen(text) : 0);
}

static void put_moment(row_t *row, int64_t microseconds)
{
    put_number(row, 1184, 4);
    put_number(row, 8, 4);
    put_number(row, microseconds, 8);
}

/* A session whose user logged in 90 seconds before the answer, and which was used 1.5 seconds
 * before. */
static row_t answer(const char *state, const char *reason)
{
    row_t row = { .length = 0 };
    const int64_t asked_at = 1000 * SECOND;

    put_number(&row, FIELDS, 4);
    put_text(&row, state);
    put_text(&row, reason);
    put_field(&row, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 16);
    put_text(&row, "alice");
    put_text(&row, "form");
    put_moment(&row, -1);
    put_moment(&row, asked_at - 90 * SECOND);
    put_moment(&row, asked_at + 1);
    put_moment(&row, asked_at - SECOND * 3 / 2);
    put_moment(&row, asked_at);
    for (int limit = 600; limit <= 3600; limit += 3000) {
        put_number(&row, 23, 4);
        put_number(&row, 4, 4);
        put_number(&row, limit, 4);
    }
    put_field(&row, "\1", 1);
    put_number(&row, 23, 4);
    put_number(&row, 4, 4);
    put_number(&row, 7, 4);
    put_field(&row, "\1", 1);
    put_moment(&row, asked_at - 4 * SECOND);
    put_field(&row, "\2\40\0\4\300\0\2\1", 8);
    put_field(&row, "\1", 1);
    put_field(&row, STAMP, SECSESSION_STAMP_BYTES);
    put_field(&row, MAC, SECSESSION_CLAIM_BYTES);
    return row;
}

static PGresult *result_of(const row_t *row)
{
    PGresAttDesc column = { .name = (char *)(uintptr_t) "lookup", .format = 1 };
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    assert_non_null(result);
    assert_true(PQsetResultAttrs(result, 1, &column));
    assert_true(PQsetvalue(result, 0, 0, row ? (char *)(uintptr_t)row->bytes : NULL,
                           row ? row->length : -1));
    return result;
}

static secsession_outcome_t decode(const row_t *row, const secsession_session_t **session)
{
    PGresult *result = result_of(row);
    secsession_outcome_t outcome;

    *session = NULL;
    outcome = secsession_answer_decode(pool, result, 0, 0, session);
    PQclear(result);
    return outcome;
}

static void live_session_is_read_whole(void **state)
{
    const secsession_session_t *session;
    row_t row = answer("live", NULL);

    assert_int_equal(decode(&row, &session), SECSESSION_LIVE);
    assert_string_equal(session->id, "01234567-89ab-cdef-0123-456789abcdef");
    assert_string_equal(session->user, "alice");
    assert_string_equal(session->method, "form");
    assert_int_equal(session->created_at, 946684799); /* the last second before 2000 */
    assert_int_equal(session->authenticated_at, (946684800 + 910) * APR_USEC_PER_SEC);
    assert_int_equal(session->expires_at, 946684800 + 1000);
    assert_int_equal(session->idle_ms, 1500);
    assert_int_equal(session->age_ms, 90000);
    assert_int_equal(session->left_ms, 0);
    assert_int_equal(session->limits.idle, 600);
    assert_int_equal(session->limits.absolute, 3600);
    assert_int_equal(session->cacheable, 1);
    assert_int_equal(session->vault_version, 7);
    assert_int_equal(session->persistent, 1);
    assert_int_equal(session->rotated_ms, 4000);
    assert_memory_equal(session->bound.bytes, "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1", 16);
    assert_int_equal(session->is_stamped, 1);
    assert_memory_equal(session->stamp->bytes, STAMP, SECSESSION_STAMP_BYTES);
    assert_memory_equal(session->mac, MAC, SECSESSION_CLAIM_BYTES);
}

/* None, one that is too short, and one that is too long. */
static void mac_of_another_length_is_none(void **state)
{
    for (int length = -1; length <= SECSESSION_CLAIM_BYTES + 1; length++) {
        const secsession_session_t *session;
        row_t row = answer("live", NULL);

        row.length -= SECSESSION_CLAIM_BYTES + 8;
        put_field(&row, length < 0 ? NULL : MAC "q", length);
        assert_int_equal(decode(&row, &session), SECSESSION_LIVE);
        assert_int_equal(session->mac != NULL, length == SECSESSION_CLAIM_BYTES);
    }
}

static void every_end_has_its_reason(void **state)
{
    static const struct {
        const char *state, *reason;
        secsession_outcome_t outcome;
    } cases[] = {
        { "ended", "idle", SECSESSION_IDLE },         { "ended", "absolute", SECSESSION_ABSOLUTE },
        { "ended", "revoked", SECSESSION_REVOKED },   { "ended", "reuse", SECSESSION_REUSE },
        { "ended", "logout", SECSESSION_LOGGED_OUT }, { "ended", "evicted", SECSESSION_EVICTED },
        { "ended", "bored", SECSESSION_UNAVAILABLE }, { "ended", NULL, SECSESSION_UNAVAILABLE },
        { "retired", NULL, SECSESSION_RETIRED },      { "Live", NULL, SECSESSION_UNAVAILABLE },
        { "live ", NULL, SECSESSION_UNAVAILABLE },    { "", NULL, SECSESSION_UNAVAILABLE },
        { NULL, NULL, SECSESSION_UNAVAILABLE },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const secsession_session_t *session;
        row_t row = answer(cases[i].state, cases[i].reason);

        assert_int_equal(decode(&row, &session), cases[i].outcome);
        assert_null(session);
    }
}

static void no_row_is_an_unknown_token(void **state)
{
    const secsession_session_t *session;

    assert_int_equal(decode(NULL, &session), SECSESSION_UNKNOWN);
}

/* The outcome counts, whatever user the row names. */
static void anonymous_session_has_no_user(void **state)
{
    const secsession_session_t *session;
    row_t row = answer("anonymous", NULL);

    assert_int_equal(decode(&row, &session), SECSESSION_ANONYMOUS);
    assert_null(session->user);
    assert_int_equal(session->vault_version, 7);
}

/* If anything is missing or too much, nobody is let in. */
static void damaged_answer_lets_nobody_in(void **state)
{
    const secsession_session_t *session;
    row_t whole = answer("live", NULL), row = whole;

    for (row.length = 0; row.length < whole.length; row.length++) {
        assert_int_equal(decode(&row, &session), SECSESSION_UNAVAILABLE);
    }
    row = whole;
    row.length++;
    assert_int_equal(decode(&row, &session), SECSESSION_UNAVAILABLE);
    for (int fields = -1; fields < FIELDS + 3; fields++) {
        row = whole;
        row.length = 0;
        put_number(&row, fields, 4);
        row.length = whole.length;
        assert_int_equal(decode(&row, &session) == SECSESSION_LIVE, fields == FIELDS);
    }
}

/* Every length in the answer is replaced by every wrong number: this must never lead to a crash or
 * to the session of another user. */
static void wrong_length_lets_nobody_in(void **state)
{
    static const int64_t wrong[] = { -2, -1, 0, 1, 3, 5, 7, 9, 15, 17, 255, INT_MAX, INT_MIN };
    row_t whole = answer("live", NULL);

    for (int at = 8, field = 0; field < FIELDS; field++) {
        int ok = 1;
        int length = (int)secsession_answer_number((const char *)whole.bytes + at, 4, &ok);

        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            const secsession_session_t *session;
            row_t row = whole;

            row.length = at;
            put_number(&row, wrong[i], 4);
            row.length = whole.length;
            if (length > 0 && wrong[i] != length && decode(&row, &session) == SECSESSION_LIVE) {
                fail_msg("field %d of length %lld", field, (long long)wrong[i]);
            }
        }
        at += 8 + (length > 0 ? length : 0);
    }
}

static void numbers_have_four_or_eight_bytes(void **state)
{
    int ok = 1;

    assert_int_equal(secsession_answer_number("\xff\xff\xff\xfe", 4, &ok), -2);
    assert_int_equal(secsession_answer_number("\x7f\xff\xff\xff\xff\xff\xff\xff", 8, &ok),
                     INT64_MAX);
    assert_int_equal(secsession_answer_number("\x80\0\0\0\0\0\0\0", 8, &ok), INT64_MIN);
    assert_true(ok);
    for (int length = -1; length < 12; length++) {
        ok = 1;
        secsession_answer_number("\0\0\0\0\0\0\0\0\0\0\0", length, &ok);
        assert_int_equal(ok, length == 4 || length == 8);
    }
    secsession_answer_number(NULL, 8, &ok);
    assert_false(ok);
}

static int set_up(void **state)
{
    return apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_session_is_read_whole),
        cmocka_unit_test(mac_of_another_length_is_none),
        cmocka_unit_test(every_end_has_its_reason),
        cmocka_unit_test(no_row_is_an_unknown_token),
        cmocka_unit_test(anonymous_session_has_no_user),
        cmocka_unit_test(damaged_answer_lets_nobody_in),
        cmocka_unit_test(wrong_length_lets_nobody_in),
        cmocka_unit_test(numbers_have_four_or_eight_bytes),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
