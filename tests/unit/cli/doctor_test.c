#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/stack.h"
#include "cli/text.h"

static const char *verdict_on(const char *info, const char *subject)
{
    static char verdict[16];
    struct report report = {.findings = json_array()};
    doctor_redis_info(info, &report);
    verdict[0] = '\0';
    for (size_t i = 0; i < json_array_size(report.findings); i++) {
        const json_t *f = json_array_get(report.findings, i);
        if (strcmp(text_of(f, "subject"), subject) != 0) continue;
        (void)snprintf(verdict, sizeof verdict, "%s", text_of(f, "verdict"));
        /* Whatever is not well comes with what to do about it. */
        assert_int_equal(*text_of(f, "mend") == '\0', strcmp(verdict, "ok") == 0);
    }
    json_decref(report.findings);
    return verdict;
}

static void test_a_redis_older_than_7_is_wrong(void **state)
{
    (void)state;
    assert_string_equal(verdict_on("# Server\r\nredis_version:7.0.15\r\n", "redis version"), "ok");
    assert_string_equal(verdict_on("redis_version:10.2.0\r\n", "redis version"), "ok");
    assert_string_equal(verdict_on("redis_version:6.2.14\r\n", "redis version"), "wrong");
    assert_string_equal(verdict_on("", "redis version"), "wrong");
}

static void test_eviction_of_any_key_is_wrong_and_of_volatile_ones_a_warning(void **state)
{
    (void)state;
    assert_string_equal(verdict_on("maxmemory_policy:noeviction\r\n", "redis eviction"), "ok");
    assert_string_equal(verdict_on("maxmemory_policy:volatile-lru\r\n", "redis eviction"), "warning");
    assert_string_equal(verdict_on("maxmemory_policy:allkeys-lru\r\n", "redis eviction"), "wrong");
}

static void test_full_memory_is_wrong(void **state)
{
    (void)state;
    assert_string_equal(verdict_on("used_memory:95\r\nmaxmemory:0\r\n", "redis memory"), "ok");
    assert_string_equal(verdict_on("used_memory:950000\r\nmaxmemory:1000000\r\n", "redis memory"), "wrong");
}

static void test_no_aof_is_a_warning_and_one_that_fails_is_wrong(void **state)
{
    (void)state;
    assert_string_equal(verdict_on("aof_enabled:1\r\naof_last_write_status:ok\r\n", "redis AOF"), "ok");
    assert_string_equal(verdict_on("aof_enabled:1\r\naof_last_write_status:err\r\n", "redis AOF"), "wrong");
    assert_string_equal(verdict_on("aof_enabled:0\r\n", "redis AOF"), "warning");
    assert_string_equal(verdict_on("", "redis AOF"), "warning");
}

static void test_services_are_known_by_long_and_short_names(void **state)
{
    (void)state;
    assert_true(stack_service("ocr-svc") >= 0);
    assert_int_equal(stack_service("ocr"), stack_service("ocr-svc"));
    assert_true(stack_service("gateway") >= 0);
    assert_int_equal(stack_service("oc"), -1);
    assert_int_equal(stack_service("gate"), -1);
    assert_int_equal(stack_service(""), -1);
}

static void test_replicas_have_a_limit_by_service(void **state)
{
    (void)state;
    struct stack stack = {0};
    struct err err;
    assert_int_equal(stack_set_replicas(&stack, stack_service("ocr"), "3", &err), 0);
    assert_int_equal(stack.replicas[stack_service("ocr")], 3);
    assert_int_equal(stack_set_replicas(&stack, stack_service("gateway"), "2", &err), -1);
    assert_int_equal(stack_set_replicas(&stack, stack_service("persist"), "2", &err), -1);
    assert_int_equal(stack_set_replicas(&stack, stack_service("ocr"), "-1", &err), -1);
    assert_int_equal(stack_set_replicas(&stack, stack_service("ocr"), "2x", &err), -1);
    assert_int_equal(stack_set_replicas(&stack, stack_service("ocr"), "", &err), -1);
}

static void test_redis_is_reached_by_socket_unless_its_path_is_too_long(void **state)
{
    (void)state;
    struct settings settings = {.port = 9000};
    char url[512], deep[200];
    stack_redis_url(&settings, "/srv/sheaf", url, sizeof url);
    assert_string_equal(url, "unix:///srv/sheaf/redis/redis.sock");
    memset(deep, 'x', sizeof deep - 1);
    deep[0] = '/';
    deep[sizeof deep - 1] = '\0';
    stack_redis_url(&settings, deep, url, sizeof url);
    assert_string_equal(url, "redis://127.0.0.1:9030");
    stack_redis_url(&settings, "/a folder", url, sizeof url);
    assert_string_equal(url, "redis://127.0.0.1:9030");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_redis_older_than_7_is_wrong),
        cmocka_unit_test(test_eviction_of_any_key_is_wrong_and_of_volatile_ones_a_warning),
        cmocka_unit_test(test_full_memory_is_wrong),
        cmocka_unit_test(test_no_aof_is_a_warning_and_one_that_fails_is_wrong),
        cmocka_unit_test(test_services_are_known_by_long_and_short_names),
        cmocka_unit_test(test_replicas_have_a_limit_by_service),
        cmocka_unit_test(test_redis_is_reached_by_socket_unless_its_path_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
