/* Only numbers: names would need a resolver. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "lib/stage_names.h"

static void test_addresses_are_taken_once_and_in_order(void **state)
{
    (void)state;
    struct stage_addresses all;
    stage_names_t *names = stage_names_start(
        "tcp://127.0.0.1:8100, tcp://[::1]:8101 ,ipc:///tmp/d,tcp://127.0.0.1:8100", 5000, -1, NULL);
    assert_non_null(names);
    assert_true(stage_names_take(names, &all));
    assert_int_equal(all.n, 3);
    assert_string_equal(all.text[0], "tcp://127.0.0.1:8100");
    assert_string_equal(all.text[1], "tcp://[::1]:8101");
    assert_string_equal(all.text[2], "ipc:///tmp/d");
    assert_false(stage_names_take(names, &all));
    stage_names_stop(&names);
    stage_names_stop(&names);
    assert_null(names);
}

static void test_what_is_not_an_address_is_refused_with_its_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ",",
                                      "tcp://",
                                      "tcp://host",
                                      "tcp://:1",
                                      "tcp://host:",
                                      "tcp://host:x",
                                      "tcp://host:123456",
                                      "http://host:1",
                                      "127.0.0.1:1",
                                      "tcp://127.0.0.1:1,,tcp://127.0.0.1:2"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};
        assert_null(stage_names_start(bad[i], 5000, -1, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_non_null(strstr(err.text, "SHEAF_DISPATCHERS"));
    }
    char longer[400];
    memset(longer, 'a', sizeof(longer));
    memcpy(longer, "tcp://", 6);
    memcpy(longer + sizeof(longer) - 3, ":1", 3);
    assert_null(stage_names_start(longer, 5000, -1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_taken_once_and_in_order),
        cmocka_unit_test(test_what_is_not_an_address_is_refused_with_its_text),
    };
    return cmocka_run_group_tests_name("stage_names", tests, NULL, NULL);
}
