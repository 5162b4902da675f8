/* store/jars.h: the contents of a vault are returned completely and in the version asked for, or
 * not at all.
 * links: store/jars.c store/key.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/jars.h"
#include "store/sequence.h"

#define WAYS 8
#define ID "01234567-89ab-4def-8123-456789abcdef"

static apr_pool_t *pool;
static secsession_jars_t *jars;

static int make(apr_size_t count)
{
    apr_pool_create(&pool, NULL);
    return secsession_jars_create(&jars, pool, count) == APR_SUCCESS ? 0 : -1;
}

static int set_up(void **state)
{
    return make(1000);
}

/* There is only one set, so that all sessions compete for the same places. */
static int set_up_one_set(void **state)
{
    return make(1);
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

static const char *id_of(unsigned int number)
{
    return apr_psprintf(pool, "%08x-0000-4000-8000-%012x", number, number);
}

static void put(const char *id, apr_uint32_t version, const char *text)
{
    secsession_jars_put(jars, id, version, text, strlen(text));
}

/* The contents as a string, or NULL if there are none. */
static const char *find(const char *id, apr_uint32_t version)
{
    apr_size_t length;
    const char *bytes = secsession_jars_find(jars, pool, id, version, &length);

    return bytes ? apr_pstrmemdup(pool, bytes, length) : NULL;
}

static void contents_come_back_at_their_version(void **state)
{
    apr_size_t length;

    put(ID, 1, "one");
    assert_string_equal(find(ID, 1), "one");
    assert_null(find(ID, 2));
    assert_null(find("01234567-89ab-4def-8123-456789abcdee", 1));
    put(ID, 2, "two");
    assert_string_equal(find(ID, 2), "two");
    put(ID, 0xFFFFFFFFu, "");
    assert_string_equal(find(ID, 0xFFFFFFFFu), "");
    secsession_jars_put(jars, ID, 3, "a\0b\0", 4);
    assert_memory_equal(secsession_jars_find(jars, pool, ID, 3, &length), "a\0b\0", 4);
    assert_int_equal(length, 4);
}

static void nothing_is_there_before_it_was_put(void **state)
{
    assert_null(find(ID, 1));
    assert_null(find(ID, 0));
    assert_null(find("00000000-0000-0000-0000-000000000001", 0));
}

static void what_is_no_id_is_nobodys(void **state)
{
    put("no id", 1, "one");
    assert_null(find("no id", 1));
    put("", 1, "one");
    assert_null(find("", 1));
}

static void long_contents_are_not_kept(void **state)
{
    for (apr_size_t length = SECSESSION_JARS_BYTES - 2; length <= SECSESSION_JARS_BYTES + 1;
         length++) {
        char *text = apr_pcalloc(pool, length + 1);

        memset(text, 'x', length);
        put(ID, (apr_uint32_t)length, text);
        if (length < SECSESSION_JARS_BYTES) {
            assert_string_equal(find(ID, (apr_uint32_t)length), text);
        } else {
            assert_null(find(ID, (apr_uint32_t)length));
        }
    }
}

static void session_has_one_place_however_often_it_changes(void **state)
{
    for (unsigned int i = 0; i < WAYS; i++) {
        put(id_of(i), 1, "kept");
    }
    for (apr_uint32_t version = 2; version < 1000; version++) {
        put(id_of(3), version, "changed");
    }
    for (unsigned int i = 0; i < WAYS; i++) {
        assert_int_equal(find(id_of(i), 1) != NULL, i != 3);
    }
    assert_non_null(find(id_of(3), 999));
    assert_null(find(id_of(3), 998));
}

static void what_was_kept_first_goes_first(void **state)
{
    for (unsigned int i = 0; i < 100; i++) {
        put(id_of(i), 1, apr_psprintf(pool, "%u", i));
        for (unsigned int j = 0; j <= i; j++) {
            const char *found = find(id_of(j), 1);

            assert_int_equal(found != NULL, j + WAYS > i);
            if (found) {
                assert_int_equal(strtoul(found, NULL, 10), j);
            }
        }
    }
}

static void most_of_as_many_as_were_asked_for_fit(void **state)
{
    int lost = 0;

    for (unsigned int i = 0; i < 1000; i++) {
        put(id_of(i * 2654435761u), 1, "kept");
    }
    for (unsigned int i = 0; i < 1000; i++) {
        lost += find(id_of(i * 2654435761u), 1) == NULL;
    }
    assert_in_range(lost, 0, 200);
}

/* This test knows the layout of the table: two words, and then places of 1016 bytes that each begin
 * with a sequence number. */
static secsession_sequence_t *sequence_of(int way)
{
    return (secsession_sequence_t *)((char *)jars + 16 + way * 1016);
}

/* Writers die in the middle, one after the other. The others use the places that are left, and when
 * there is none left, nothing is kept. No answer is ever wrong, and nobody waits. */
static void dead_writers_cost_their_places_only(void **state)
{
    for (int dead = 0; dead < WAYS; dead++) {
        atomic_fetch_add(sequence_of(dead), 1);
        for (unsigned int i = 0; i < 20; i++) {
            put(id_of(i), (apr_uint32_t)dead + 1, "kept");
        }
        for (unsigned int i = 0; i < 20; i++) {
            assert_int_equal(find(id_of(i), (apr_uint32_t)dead + 1) != NULL,
                             i >= 20 - (WAYS - 1 - (unsigned int)dead));
        }
    }
}

#define MOST_BYTES (SECSESSION_JARS_BYTES - 1)

/* Writes contents of which every byte says whose they are, until the process is killed. */
static void write_for_ever(unsigned int seed)
{
    static char text[MOST_BYTES];

    for (;;) {
        unsigned int number = (unsigned int)rand_r(&seed) % 12;
        apr_uint32_t version = 1 + (unsigned int)rand_r(&seed) % 3;
        char id[40];

        apr_snprintf(id, sizeof(id), "%08x-0000-4000-8000-%012x", number, number);
        memset(text, (int)(number * 4 + version), sizeof(text));
        secsession_jars_put(jars, id, version, text, 1 + (unsigned int)rand_r(&seed) % MOST_BYTES);
    }
}

typedef struct {
    int hits, wrong;
} count_t;

static void count_one(const char *id, unsigned int number, apr_uint32_t version, count_t *count)
{
    apr_size_t length;
    const char *bytes = secsession_jars_find(jars, pool, id, version, &length);

    if (bytes) {
        int right = length >= 1 && length <= MOST_BYTES && bytes[length] == '\0';

        for (apr_size_t i = 0; right && i < length; i++) {
            right = bytes[i] == (char)(number * 4 + version);
        }
        count->hits++;
        count->wrong += !right;
    }
}

static void nobody_gets_another_vault_while_writers_die(void **state)
{
    count_t count = { 0, 0 };

    for (unsigned int round = 0; round < 100; round++) {
        pid_t writers[2];

        set_up_one_set(state);
        for (unsigned int w = 0; w < 2; w++) {
            writers[w] = fork();
            if (writers[w] == 0) {
                alarm(60); /* in case nobody is left to kill this process */
                write_for_ever(2 * round + w);
            }
        }
        for (unsigned int i = 0; i < 5000; i++) {
            count_one(id_of(i % 12), i % 12, 1 + i / 12 % 3, &count);
        }
        for (int w = 0; w < 2; w++) {
            kill(writers[w], SIGKILL);
            waitpid(writers[w], NULL, 0);
        }
        tear_down(state);
    }
    assert_int_equal(count.wrong, 0);
    assert_true(count.hits > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(contents_come_back_at_their_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_there_before_it_was_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_id_is_nobodys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_contents_are_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(session_has_one_place_however_often_it_changes,
                                        set_up_one_set, tear_down),
        cmocka_unit_test_setup_teardown(what_was_kept_first_goes_first, set_up_one_set, tear_down),
        cmocka_unit_test_setup_teardown(most_of_as_many_as_were_asked_for_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_writers_cost_their_places_only, set_up_one_set,
                                        tear_down),
        cmocka_unit_test(nobody_gets_another_vault_while_writers_die),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
