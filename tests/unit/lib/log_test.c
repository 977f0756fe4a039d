#define _GNU_SOURCE /* O_TMPFILE */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/log.h"

/* Standard error as a file while a line is written. */
static struct capture {
    int saved, file;
    char text[4096];
} capture;

static void capture_begin(void)
{
    capture.saved = dup(STDERR_FILENO);
    capture.file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    assert_true(capture.saved >= 0 && capture.file >= 0);
    dup2(capture.file, STDERR_FILENO);
}

static const char *capture_end(void)
{
    dup2(capture.saved, STDERR_FILENO);
    ssize_t n = pread(capture.file, capture.text, sizeof capture.text - 1, 0);
    close(capture.saved);
    close(capture.file);
    capture.text[n > 0 ? n : 0] = '\0';
    return capture.text;
}

static void test_a_line_is_one_json_object_with_the_fixed_fields_first(void **state)
{
    (void)state;
    log_open("gateway", LOG_INFO);
    capture_begin();
    log_info("upload", F_STR("name", "a \"b\"\n"), F_INT("bytes", 12), F_REAL("share", 0.5),
             F_STR("none", NULL), F_REAL("nan", NAN));
    const char *line = capture_end();
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_memory_equal(line, "{\"ts\":\"20", 9);
    json_t *o = json_loads(line, 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(o, "svc")), "gateway");
    assert_string_equal(json_string_value(json_object_get(o, "event")), "upload");
    assert_string_equal(json_string_value(json_object_get(o, "name")), "a \"b\"\n");
    assert_int_equal(json_integer_value(json_object_get(o, "bytes")), 12);
    assert_true(json_is_null(json_object_get(o, "none")) && json_is_null(json_object_get(o, "nan")));
    json_decref(o);
}

static void test_an_err_becomes_kind_code_and_text(void **state)
{
    (void)state;
    struct err err;
    err_code(&err, ERR_INPUT, "encrypted", "needs a password");
    capture_begin();
    log_warn("refused", F_ERR(&err));
    const char *line = capture_end();
    assert_non_null(
        strstr(line, "\"err_kind\":\"input\",\"err_code\":\"encrypted\",\"err\":\"needs a password\""));
}

static void test_levels_below_the_chosen_one_are_silent(void **state)
{
    (void)state;
    log_set_level(LOG_WARN);
    capture_begin();
    log_info("quiet", F_INT("n", 1));
    log_error("loud", F_INT("n", 1));
    const char *line = capture_end();
    log_set_level(LOG_INFO);
    assert_null(strstr(line, "quiet"));
    assert_non_null(strstr(line, "loud"));
}

static void test_level_names_are_parsed_and_others_refused(void **state)
{
    (void)state;
    enum log_level level = LOG_ERROR;
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_level_parse("verbose", &level), -1);
    assert_int_equal(level, LOG_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_one_json_object_with_the_fixed_fields_first),
        cmocka_unit_test(test_an_err_becomes_kind_code_and_text),
        cmocka_unit_test(test_levels_below_the_chosen_one_are_silent),
        cmocka_unit_test(test_level_names_are_parsed_and_others_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
