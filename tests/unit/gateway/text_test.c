#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/text.h"

static void test_parameters_of_a_query_are_found_and_decoded(void **state)
{
    char out[16];
    (void)state;
    assert_int_equal(text_param("a=1&bc=x%20y+z&d=", '&', "bc", out, sizeof out), 1);
    assert_string_equal(out, "x y z");
    assert_int_equal(text_param("a=1&bc=2", '&', "b", out, sizeof out), 0);
    assert_int_equal(text_param("a=1&d=", '&', "d", out, sizeof out), 0);
    assert_int_equal(text_param("d", '&', "d", out, sizeof out), 0);
    assert_int_equal(text_param("", '&', "d", out, sizeof out), 0);
    assert_int_equal(text_param("d=%zz", '&', "d", out, sizeof out), -1);
    assert_int_equal(text_param("d=%4", '&', "d", out, sizeof out), -1);
    assert_int_equal(text_param("d=a%00b", '&', "d", out, sizeof out), -1);
    assert_int_equal(text_param("d=a%0d%0ab", '&', "d", out, sizeof out), -1);
    assert_int_equal(text_param("d=0123456789abcdef", '&', "d", out, sizeof out), -1);
    assert_int_equal(text_param("d=0123456789abcde", '&', "d", out, sizeof out), 1);
}

static void test_cookies_are_found_behind_blanks(void **state)
{
    char out[16];
    (void)state;
    assert_int_equal(text_param("x=1; sheaf_batch=ab+c; y=2", ';', "sheaf_batch", out, sizeof out), 1);
    assert_string_equal(out, "ab+c");
}

static bool matches(const char *pattern, const char *path, const char *first, const char *second)
{
    char arg[3][TEXT_ARG_MAX] = {"", "", ""};
    if (!text_path_matches(pattern, path, arg, 3)) return false;
    assert_string_equal(arg[0], first);
    assert_string_equal(arg[1], second);
    return true;
}

static void test_path_patterns(void **state)
{
    (void)state;
    assert_true(matches("/", "/", "", ""));
    assert_true(matches("/api/jobs/*/retry", "/api/jobs/x/retry", "x", ""));
    assert_true(
        matches("/export/school/*/grade/*", "/export/school/St.%20Ana%2F2/grade/5", "St. Ana/2", "5"));
    assert_true(matches("/pdf/**", "/pdf/a/b%20c/d.pdf", "a/b c/d.pdf", ""));
    assert_false(matches("/api/jobs/*/retry", "/api/jobs//retry", "", ""));
    assert_false(matches("/api/jobs/*/retry", "/api/jobs/x/retry/", "", ""));
    assert_false(matches("/api/jobs/*", "/api/jobs/x/y", "", ""));
    assert_false(matches("/api/jobs/*", "/api/jobs/", "", ""));
    assert_false(matches("/jobs", "/job", "", ""));
    assert_false(matches("/jobs", "/jobs/", "", ""));
}

static void test_a_path_that_climbs_fits_nothing(void **state)
{
    (void)state;
    assert_false(matches("/static/*", "/static/%2e%2e", "", ""));
    assert_false(matches("/static/*", "/static/..", "", ""));
    assert_false(matches("/pdf/**", "/pdf/a/%2e%2e/b", "", ""));
    assert_false(matches("/pdf/**", "/pdf/%2e%2e%2fetc", "", ""));
    assert_false(matches("/pdf/**", "/pdf/a%00b", "", ""));
    assert_false(matches("/pdf/**", "/pdf/", "", ""));
}

static void test_a_path_lies_under_whole_segments(void **state)
{
    (void)state;
    assert_true(text_path_under("/api", "/api"));
    assert_true(text_path_under("/api/x", "/api"));
    assert_false(text_path_under("/apis", "/api"));
}

static void test_numbers_are_all_digits_and_bounded(void **state)
{
    long long n = 7;
    (void)state;
    assert_int_equal(text_number("0", 10, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(text_number("10", 10, &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(text_number("11", 10, &n), -1);
    assert_int_equal(text_number("99999999999999999999999", INT64_MAX, &n), -1);
    assert_int_equal(text_number("", 10, &n), -1);
    assert_int_equal(text_number("-1", 10, &n), -1);
    assert_int_equal(text_number("5x", 10, &n), -1);
    assert_int_equal(text_number("9223372036854775807", INT64_MAX, &n), 0);
    assert_int_equal(n, INT64_MAX);
}

static void test_a_path_is_encoded_but_for_its_slashes(void **state)
{
    (void)state;
    char out[64];
    assert_int_equal(text_encode_path("a/b c/%2e\xc3\xa9.pdf", out, sizeof out, "/pdf/"), 0);
    assert_string_equal(out, "/pdf/a/b%20c/%252e%C3%A9.pdf");
    assert_int_equal(text_encode_path("a/../b", out, sizeof out, "/pdf/"), -1);
    assert_int_equal(text_encode_path("..", out, sizeof out, "/pdf/"), -1);
    assert_int_equal(text_encode_path("", out, sizeof out, "/pdf/"), -1);
    assert_int_equal(text_encode_path("aaaaaaaaaaaaaaaaaaaaaaaa", out, 16, "/pdf/"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters_of_a_query_are_found_and_decoded),
        cmocka_unit_test(test_cookies_are_found_behind_blanks),
        cmocka_unit_test(test_path_patterns),
        cmocka_unit_test(test_a_path_that_climbs_fits_nothing),
        cmocka_unit_test(test_a_path_is_encoded_but_for_its_slashes),
        cmocka_unit_test(test_a_path_lies_under_whole_segments),
        cmocka_unit_test(test_numbers_are_all_digits_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
