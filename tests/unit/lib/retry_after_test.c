#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/auto.h"
#include "lib/retry_after.h"

#define NOON_2026_11_25 1795608000000 /* Wed, 25 Nov 2026 12:00:00 GMT */

static void test_retry_after_is_read_in_each_of_its_notations(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int64_t ms;
    } rows[] = {
        {"Content-Type: text/plain\nRetry-After: 40\n", 40000},
        {"retry-after: 7.66\n", 7660},
        {"retry-after: 0\n", 0},
        {"retry-after-ms: 1500\nretry-after: 9\n", 1500},
        {"retry-after-ms: soon\nretry-after: 9\n", 9000},
        {"Retry-After: Wed, 25 Nov 2026 12:01:30 GMT\n", 90000},
        {"Retry-After: Wed, 25 Nov 2026 11:00:00 GMT\n", 0},
        {"Retry-After: 99999999\n", 86400000},
        {"Retry-After: -5\n", -1},
        {"Retry-After: inf\n", -1},
        {"Retry-After: 5 apples\n", -1},
        {"Retry-After: 1.2.3\n", -1},
        {"Retry-After: .\n", -1},
        {"Retry-After: \n", -1},
        {"X-Retry-After: 5\n", -1},
        {"", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t got = retry_after_of(rows[i].headers, NOON_2026_11_25);
        if (got != rows[i].ms) fail_msg("%s: %lld", rows[i].headers, (long long)got);
    }
}

static void test_go_durations_are_sums_of_number_and_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2m59.56s", 179560}, {"7.66s", 7660}, {"172ms", 172},        {"1h2m3s", 3723000}, {"6m0s", 360000},
        {"1s", 1000},         {"0s", 0},       {"1m", 60000},         {"1m1ms", 60001},    {"250\xc2\xb5s", 1},
        {"1500us", 2},        {"9ns", 1},      {"1h", 3600000},       {"5", -1},           {"", -1},
        {"s", -1},            {"1x", -1},      {"1m 2s", -1},         {"-1s", -1},         {"1mm", -1},
        {"1e3s", -1},         {".s", -1},      {"9999999h", 86400000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t got = retry_after_go_ms(rows[i].text);
        if (got != rows[i].ms) fail_msg("%s: %lld", rows[i].text, (long long)got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_after_is_read_in_each_of_its_notations),
        cmocka_unit_test(test_go_durations_are_sums_of_number_and_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
