/* Runs wirecat's own check, as a person would: every file of proto/vectors says what its JSON says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define main wirecat_main
#include "proto/wirecat.c"
#undef main

static void test_every_vector_decodes_to_its_json_and_back(void **state)
{
    (void)state;
    char *argv[] = {(char *)"wirecat", (char *)"--check", (char *)"proto/vectors", NULL};
    assert_int_equal(wirecat_main(3, argv), EXIT_OK);
}

static void test_wirecat_answers_no_to_a_malformed_capture(void **state)
{
    (void)state;
    char *argv[] = {(char *)"wirecat", (char *)"proto/vectors/bad/http.hex", NULL};
    assert_int_equal(wirecat_main(2, argv), EXIT_NO);
}

static void test_wirecat_answers_usage_to_what_is_not_hex_or_not_there(void **state)
{
    (void)state;
    char *not_hex[] = {(char *)"wirecat", (char *)"proto/PROTOCOL.md", NULL};
    char *missing[] = {(char *)"wirecat", (char *)"proto/vectors/none.hex", NULL};
    char *option[] = {(char *)"wirecat", (char *)"--nonsense", NULL};
    assert_int_equal(wirecat_main(2, not_hex), EXIT_USAGE);
    assert_int_equal(wirecat_main(2, missing), EXIT_USAGE);
    assert_int_equal(wirecat_main(2, option), EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_vector_decodes_to_its_json_and_back),
        cmocka_unit_test(test_wirecat_answers_no_to_a_malformed_capture),
        cmocka_unit_test(test_wirecat_answers_usage_to_what_is_not_hex_or_not_there),
    };
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
