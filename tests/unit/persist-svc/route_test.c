#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "persist-svc/route.h"

static bool matches(const char *pattern, const char *path, struct route_match *m)
{
    return route_matches(pattern, path, strlen(path), m);
}

static void test_fixed_path_matches_only_itself(void **state)
{
    (void)state;
    struct route_match m;
    assert_true(matches("/export", "/export", &m));
    assert_false(matches("/export", "/export/", &m));
    assert_false(matches("/export", "/exports", &m));
    assert_false(matches("/export", "/expor", &m));
    assert_false(matches("/export", "", &m));
}

static void test_one_segment_is_taken_and_decoded(void **state)
{
    (void)state;
    struct route_match m;
    assert_true(matches("/export/school/:/grade/:", "/export/school/Lincoln%2FEast/grade/K", &m));
    assert_string_equal(m.part[0], "Lincoln/East");
    assert_string_equal(m.part[1], "K");
    assert_false(matches("/export/school/:", "/export/school/a/b", &m));
}

static void test_an_empty_segment_matches_nothing(void **state)
{
    (void)state;
    struct route_match m;
    assert_false(matches("/api/records/:", "/api/records/", &m));
    assert_false(matches("/pdf/*", "/pdf/", &m));
}

static void test_the_rest_is_taken_with_its_slashes(void **state)
{
    (void)state;
    struct route_match m;
    assert_true(matches("/pdf/*", "/pdf/a/b/c.pdf", &m));
    assert_string_equal(m.part[0], "a/b/c.pdf");
}

static void test_a_path_that_cannot_be_decoded_matches_nothing(void **state)
{
    (void)state;
    struct route_match m;
    char longer[ROUTE_TEXT + 40] = "/api/records/";
    assert_false(matches("/api/records/:", "/api/records/%", &m));
    assert_false(matches("/api/records/:", "/api/records/%4", &m));
    assert_false(matches("/api/records/:", "/api/records/%zz", &m));
    assert_false(matches("/api/records/:", "/api/records/a%00b", &m));
    assert_false(matches("/api/records/:", "/api/records/a%0ab", &m));
    assert_false(matches("/api/records/:", "/api/records/%ff", &m));
    assert_false(matches("/api/records/:", "/api/records/a%c3", &m));
    memset(longer + strlen(longer), 'a', ROUTE_TEXT);
    assert_false(matches("/api/records/:", longer, &m));
}

static void check_path(const char *target, const char *expected)
{
    size_t len;
    const char *path = route_path(target, &len);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(path, expected, len);
}

static void test_path_of_a_target(void **state)
{
    (void)state;
    check_path("/api/records?x=1", "/api/records");
    check_path("/api/records", "/api/records");
    check_path("http://host:1/api/records?x=http://y", "/api/records");
    check_path("http://host", "/");
    check_path("/a?b=http://c", "/a");
}

static void test_param_is_found_by_its_whole_name(void **state)
{
    (void)state;
    char out[16];
    assert_int_equal(route_param("xschool=a&school=b+c%26", "school", out, sizeof out), 1);
    assert_string_equal(out, "b c&");
    assert_int_equal(route_param("schools=a", "school", out, sizeof out), 0);
    assert_int_equal(route_param("school", "school", out, sizeof out), 0);
    assert_int_equal(route_param(NULL, "school", out, sizeof out), 0);
}

static void test_param_empty_is_there(void **state)
{
    (void)state;
    char out[16] = "x";
    assert_int_equal(route_param("a=&b=1", "a", out, sizeof out), 1);
    assert_string_equal(out, "");
}

static void test_param_malformed_or_too_long_is_told(void **state)
{
    (void)state;
    char out[4];
    assert_int_equal(route_param("a=%0", "a", out, sizeof out), -1);
    assert_int_equal(route_param("a=%00", "a", out, sizeof out), -1);
    assert_int_equal(route_param("a=%ff", "a", out, sizeof out), -1);
    assert_int_equal(route_param("a=%c3%a9", "a", out, sizeof out), 1);
    assert_int_equal(route_param("a=abcd", "a", out, sizeof out), -1);
    assert_int_equal(route_param("a=abc", "a", out, sizeof out), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_path_matches_only_itself),
        cmocka_unit_test(test_one_segment_is_taken_and_decoded),
        cmocka_unit_test(test_an_empty_segment_matches_nothing),
        cmocka_unit_test(test_the_rest_is_taken_with_its_slashes),
        cmocka_unit_test(test_a_path_that_cannot_be_decoded_matches_nothing),
        cmocka_unit_test(test_path_of_a_target),
        cmocka_unit_test(test_param_is_found_by_its_whole_name),
        cmocka_unit_test(test_param_empty_is_there),
        cmocka_unit_test(test_param_malformed_or_too_long_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
