#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "persist-svc/object_path.h"

#define OWNER "00000000-0000-4000-8000-000000000001"
#define OTHER "00000000-0000-4000-8000-000000000002"

static void test_original_by_owner_base_and_type(void **state)
{
    (void)state;
    char out[OBJECT_PATH_MAX];
    assert_true(object_path_original(out, OWNER, "0123456789ab", "application/pdf"));
    assert_string_equal(out, "essay-submissions/" OWNER "/0123456789ab/original.pdf");
    assert_true(object_path_original(out, OWNER, "0123456789ab", "image/jpeg"));
    assert_string_equal(out, "essay-submissions/" OWNER "/0123456789ab/original.jpg");
    assert_true(object_path_original(out, OWNER, "0123456789ab", NULL));
    assert_string_equal(out, "essay-submissions/" OWNER "/0123456789ab/original.bin");
}

static void test_original_of_a_wrong_shape_is_refused(void **state)
{
    (void)state;
    char out[OBJECT_PATH_MAX];
    assert_false(object_path_original(out, "../../etc", "0123456789ab", NULL));
    assert_false(object_path_original(out, OWNER, "0123456789AB", NULL));
    assert_false(object_path_original(out, OWNER, "../456789abcd", NULL));
    assert_false(object_path_original(out, NULL, "0123456789ab", NULL));
    assert_false(object_path_artifacts(out, OWNER, "0123456789ab", "1/.."));
}

static void test_paths_that_leave_the_folder_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "/",    "/etc/passwd", "a//b",     "a/../b",
                                      "..",   "a/..", "a/./b",       "a/.tmp/x", "a/b/",
                                      "a\\b", "a b",  "a/\n",        "\xc3\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(object_path_ok(bad[i]));
    assert_true(object_path_ok("essay-submissions/" OWNER "/0123456789ab/artifacts/1790/entry-0.json"));
}

static void test_original_of_another_owner_is_not_ones_own(void **state)
{
    (void)state;
    assert_true(object_path_is_original_of("essay-submissions/" OWNER "/0123456789ab/original.pdf", OWNER));
    assert_false(object_path_is_original_of("essay-submissions/" OTHER "/0123456789ab/original.pdf", OWNER));
    assert_false(object_path_is_original_of(
        "essay-submissions/" OWNER "/../" OTHER "/0123456789ab/original.pdf", OWNER));
    assert_false(object_path_is_original_of(
        "essay-submissions/" OWNER "/0123456789ab/artifacts/1/entry-0.json", OWNER));
    assert_false(object_path_is_original_of("essay-submissions/" OWNER, OWNER));
}

static void test_type_by_extension(void **state)
{
    (void)state;
    assert_string_equal(object_mime("a/original.pdf"), "application/pdf");
    assert_string_equal(object_mime("a/original.html"), "application/octet-stream");
    assert_string_equal(object_mime("original"), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_original_by_owner_base_and_type),
        cmocka_unit_test(test_original_of_a_wrong_shape_is_refused),
        cmocka_unit_test(test_paths_that_leave_the_folder_are_refused),
        cmocka_unit_test(test_original_of_another_owner_is_not_ones_own),
        cmocka_unit_test(test_type_by_extension),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
