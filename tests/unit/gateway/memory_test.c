#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/memory.h"

static void test_info_is_read_field_by_field(void **state)
{
    struct memory_info info;
    (void)state;
    memory_parse("# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:4194304\r\n"
                 "maxmemory_human:4.00M\r\nmaxmemory_policy:allkeys-lru\r\n",
                 &info);
    assert_int_equal(info.used, 1048576);
    assert_int_equal(info.max, 4194304);
    assert_string_equal(info.policy, "allkeys-lru");
    assert_int_equal(info.aof, -1);
}

static void test_persistence_says_whether_there_is_a_log(void **state)
{
    struct memory_info info;
    (void)state;
    memory_parse("# Persistence\r\nloading:0\r\naof_enabled:1\r\n", &info);
    assert_int_equal(info.aof, 1);
    memory_parse("aof_enabled:0\r\n", &info);
    assert_int_equal(info.aof, 0);
}

static void test_nonsense_is_no_limit_and_no_policy(void **state)
{
    struct memory_info info;
    (void)state;
    memory_parse("", &info);
    assert_int_equal(info.max, 0);
    assert_string_equal(info.policy, "");
    memory_parse("xmaxmemory:5\r\nmaxmemory_policy:a-name-that-is-much-longer-than-any-policy-has\r\n",
                 &info);
    assert_int_equal(info.max, 0);
    assert_int_equal(strlen(info.policy), sizeof info.policy - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_is_read_field_by_field),
        cmocka_unit_test(test_persistence_says_whether_there_is_a_log),
        cmocka_unit_test(test_nonsense_is_no_limit_and_no_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
