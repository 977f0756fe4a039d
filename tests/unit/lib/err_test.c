#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lib/err.h"

static void test_set_fills_kind_and_text_and_answers_minus_one(void **state)
{
    (void)state;
    struct err err = {.sys = 7, .code = "old"};
    assert_int_equal(err_set(&err, ERR_LIMIT, "more than %d pages", 200), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.text, "more than 200 pages");
    assert_string_equal(err.code, "");
    assert_int_equal(err.sys, 0);
}

static void test_code_is_kept_beside_the_text(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_code(&err, ERR_INPUT, "encrypted", "needs a password"), -1);
    assert_string_equal(err.code, "encrypted");
    assert_string_equal(err.text, "needs a password");
}

static void test_sys_appends_the_reason(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_sys(&err, ERR_UNAVAILABLE, ENOENT, "open %s", "x"), -1);
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.text, "open x: No such file or directory");
}

static void test_a_full_disk_is_waited_for_and_other_errors_of_the_system_are_not(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_sys(&err, ERR_UNAVAILABLE, ENOSPC, "writing a blob"), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.sys, ENOSPC);
    assert_int_equal(err.retry_after_ms, ERR_DISK_MS);
    assert_string_equal(err.text, "Waiting for room on the disk (writing a blob): No space left on device");
    err_sys(&err, ERR_UNAVAILABLE, EDQUOT, "x");
    assert_int_equal(err.kind, ERR_THROTTLED);
    err_sys(&err, ERR_UNAVAILABLE, EIO, "x");
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_int_equal(err.retry_after_ms, 0);
    err_sys(&err, ERR_CONFIG, ENOSPC, "at start a person must act");
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void test_long_text_is_cut_not_overrun(void **state)
{
    (void)state;
    struct err err;
    char text[600];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_sys(&err, ERR_BUG, EIO, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    err_code(&err, ERR_BUG, "a_code_that_is_longer_than_its_place", "x");
    assert_int_equal(strlen(err.code), sizeof err.code - 1);
}

static void test_null_err_is_accepted_everywhere(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_INPUT, "x"), -1);
    assert_int_equal(err_code(NULL, ERR_INPUT, "c", "x"), -1);
    assert_int_equal(err_sys(NULL, ERR_INPUT, EIO, "x"), -1);
    err_clear(NULL);
}

static void test_every_kind_has_a_name_and_others_are_unknown(void **state)
{
    (void)state;
    for (int kind = ERR_NONE; kind <= ERR_BUG; kind++)
        assert_string_not_equal(err_kind_name((enum err_kind)kind), "unknown");
    assert_string_equal(err_kind_name(ERR_THROTTLED), "throttled");
    assert_string_equal(err_kind_name((enum err_kind)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_kind_and_text_and_answers_minus_one),
        cmocka_unit_test(test_code_is_kept_beside_the_text),
        cmocka_unit_test(test_sys_appends_the_reason),
        cmocka_unit_test(test_a_full_disk_is_waited_for_and_other_errors_of_the_system_are_not),
        cmocka_unit_test(test_long_text_is_cut_not_overrun),
        cmocka_unit_test(test_null_err_is_accepted_everywhere),
        cmocka_unit_test(test_every_kind_has_a_name_and_others_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
