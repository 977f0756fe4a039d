/* A page's end as a text, and back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "persist-svc/record_cursor.h"

static json_t *record_of(const char *school, const char *student)
{
    return json_pack("{s:s, s:s?, s:n, s:s}", "submission_id", "0123456789ab", "school_name", school, "grade", "student_name", student);
}

static void test_a_cursor_holds_the_place_whatever_is_in_the_names(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    struct record_cursor cursor;
    json_t *record = record_of("Escuela \"Ñandú\" & Co, ./?", "");
    record_cursor_write(&text, record);
    assert_int_equal(strspn(text.data, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."), text.len);
    assert_int_equal(record_cursor_read(text.data, &cursor), 0);
    assert_string_equal(cursor.id, "0123456789ab");
    assert_string_equal(cursor.place.school, "Escuela \"Ñandú\" & Co, ./?");
    assert_null(cursor.place.grade);
    assert_string_equal(cursor.place.student, "");
    record_cursor_done(&cursor);
    json_decref(record);
    buf_done(&text);
}

static void test_a_place_that_is_too_long_for_an_address_is_left_to_its_record(void **state)
{
    (void)state;
    char school[RECORD_CURSOR_MAX];
    struct buf text = BUF_INIT;
    struct record_cursor cursor;
    memset(school, 'x', sizeof school);
    school[sizeof school - 1] = '\0';
    json_t *record = record_of(school, "Ana");
    record_cursor_write(&text, record);
    assert_string_equal(text.data, "0123456789ab");
    assert_int_equal(record_cursor_read(text.data, &cursor), 0);
    assert_null(cursor.texts);
    record_cursor_done(&cursor);
    json_decref(record);
    buf_done(&text);
}

static void test_what_is_no_cursor_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "zzz", "0123456789aX", "0123456789abc", "0123456789ab.", "0123456789ab.!", "0123456789ab.W10",
                                      "0123456789ab.WzEsMiwzXQ"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct record_cursor cursor;
        assert_int_equal(record_cursor_read(bad[i], &cursor), -1);
        record_cursor_done(&cursor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cursor_holds_the_place_whatever_is_in_the_names),
        cmocka_unit_test(test_a_place_that_is_too_long_for_an_address_is_left_to_its_record),
        cmocka_unit_test(test_what_is_no_cursor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
