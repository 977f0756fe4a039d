#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/clock.h"

static int64_t noon(void)
{
    return 43200000;
}

static void test_fake_replaces_the_monotonic_clock_until_taken_back(void **state)
{
    (void)state;
    clock_fake(noon);
    assert_int_equal(clock_ms(), 43200000);
    clock_fake(NULL);
    int64_t a = clock_ms();
    assert_true(clock_ms() >= a);
}

static void test_rfc3339_is_utc_with_milliseconds(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_MAX];
    assert_string_equal(clock_rfc3339(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_rfc3339(1795491840123, text), "2026-11-24T03:44:00.123Z");
}

static void test_rfc3339_of_a_broken_number_stays_in_its_place(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_MAX];
    assert_string_equal(clock_rfc3339(-5, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_rfc3339(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
}

static void test_parse_reads_zulu_offset_and_fraction(void **state)
{
    (void)state;
    int64_t ms;
    assert_int_equal(clock_parse_rfc3339("2026-11-24T03:44:00.123Z", &ms), 0);
    assert_int_equal(ms, 1795491840123);
    assert_int_equal(clock_parse_rfc3339("2026-11-23T22:44:00-05:00", &ms), 0);
    assert_int_equal(ms, 1795491840000);
    assert_int_equal(clock_parse_rfc3339("2026-11-24T03:44:00.5+00:00", &ms), 0);
    assert_int_equal(ms, 1795491840500);
    assert_int_equal(clock_parse_rfc3339("2026-11-24T03:44:00.123456789Z", &ms), 0);
    assert_int_equal(ms, 1795491840123);
    assert_int_equal(clock_parse_rfc3339("2024-02-29T00:00:00Z", &ms), 0);
}

static void test_parse_refuses_what_is_no_moment(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-11-24",
                                      "2026-11-24T03:44:00",
                                      "2026-11-24T03:44:00.Z",
                                      "2026-13-24T03:44:00Z",
                                      "2026-02-30T03:44:00Z",
                                      "2025-02-29T03:44:00Z",
                                      "2026-11-24T24:00:00Z",
                                      "2026-11-24T03:44:00Zx",
                                      "2026-11-24T03:44:00+25:00",
                                      "+026-11-24T03:44:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 42;
        assert_int_equal(clock_parse_rfc3339(bad[i], &ms), -1);
        assert_int_equal(ms, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fake_replaces_the_monotonic_clock_until_taken_back),
        cmocka_unit_test(test_rfc3339_is_utc_with_milliseconds),
        cmocka_unit_test(test_rfc3339_of_a_broken_number_stays_in_its_place),
        cmocka_unit_test(test_parse_reads_zulu_offset_and_fraction),
        cmocka_unit_test(test_parse_refuses_what_is_no_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
