#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/newest.h"

static void test_a_cursor_is_a_moment_and_how_many_of_it_were_given(void **state)
{
    (void)state;
    int64_t at_ms = 0;
    int given = 0;
    assert_int_equal(newest_cursor("1700000000123-4", &at_ms, &given), 0);
    assert_int_equal(at_ms, 1700000000123);
    assert_int_equal(given, 4);
}

static void test_what_is_no_cursor_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-", "1-", "-1", "1", "x-1", "1-x", "1-1-1", "99999999999999999999-1", "1-99999999"};
    int64_t at_ms;
    int given;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(newest_cursor(bad[i], &at_ms, &given), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cursor_is_a_moment_and_how_many_of_it_were_given),
        cmocka_unit_test(test_what_is_no_cursor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
