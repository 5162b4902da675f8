/* session/stamp.h: a stamp fits the record that it was made from, and no other.
 * links: session/stamp.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session/stamp.h"

#define RECORD "$2y$05$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"

static void stamp_fits_its_record(void **state)
{
    secsession_stamp_t stamp;

    assert_int_equal(secsession_stamp_make("file:/etc/users", RECORD, &stamp), APR_SUCCESS);
    assert_true(secsession_stamp_fits(&stamp, RECORD));
    assert_false(secsession_stamp_fits(&stamp, RECORD "x"));
    assert_false(secsession_stamp_fits(&stamp, ""));
    assert_false(secsession_stamp_fits(&stamp, NULL));
    assert_true(secsession_stamp_is_from(&stamp, "file:/etc/users"));
    assert_false(secsession_stamp_is_from(&stamp, "file:/etc/others"));
}

static void every_byte_counts(void **state)
{
    secsession_stamp_t stamp;

    assert_int_equal(secsession_stamp_make("dbd:select 1", RECORD, &stamp), APR_SUCCESS);
    for (size_t i = 0; i < SECSESSION_STAMP_BYTES; i++) {
        stamp.bytes[i] ^= 1;
        assert_false(secsession_stamp_fits(&stamp, RECORD)
                     && secsession_stamp_is_from(&stamp, "dbd:select 1"));
        stamp.bytes[i] ^= 1;
    }
}

static void same_record_has_other_stamps(void **state)
{
    secsession_stamp_t one, other;

    assert_int_equal(secsession_stamp_make("file:/u", RECORD, &one), APR_SUCCESS);
    assert_int_equal(secsession_stamp_make("file:/u", RECORD, &other), APR_SUCCESS);
    assert_memory_not_equal(one.bytes + 8, other.bytes + 8, SECSESSION_STAMP_BYTES - 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamp_fits_its_record),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(same_record_has_other_stamps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
