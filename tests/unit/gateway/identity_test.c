#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/identity.h"
#include "lib/err.h"
#include "lib/settings.h"

#define ORIGIN "https://essays.example.org/base"

static void test_this_machine_and_the_public_name_are_served(void **state)
{
    (void)state;
    assert_true(identity_host_allowed("127.0.0.1:8080", ORIGIN));
    assert_true(identity_host_allowed("localhost", ORIGIN));
    assert_true(identity_host_allowed("LocalHost:1", ORIGIN));
    assert_true(identity_host_allowed("[::1]:8080", ORIGIN));
    assert_true(identity_host_allowed("essays.example.org", ORIGIN));
    assert_true(identity_host_allowed("essays.example.org:443", ORIGIN));
}

static void test_a_name_that_somebody_points_here_is_not_served(void **state)
{
    (void)state;
    assert_false(identity_host_allowed("evil.example", ORIGIN));
    assert_false(identity_host_allowed("localhost.evil.example", ORIGIN));
    assert_false(identity_host_allowed("127.0.0.1.evil.example:8080", ORIGIN));
    assert_false(identity_host_allowed("", ORIGIN));
    assert_false(identity_host_allowed("[::1", ORIGIN));
}

static void test_a_page_may_post_only_to_where_it_came_from(void **state)
{
    (void)state;
    assert_true(identity_same_site("http://127.0.0.1:8080", "127.0.0.1:8080", ORIGIN));
    assert_true(identity_same_site("https://essays.example.org", "127.0.0.1:8080", ORIGIN));
    assert_false(identity_same_site("http://127.0.0.1:9999", "127.0.0.1:8080", ORIGIN));
    assert_false(identity_same_site("http://evil.example", "127.0.0.1:8080", ORIGIN));
    assert_false(identity_same_site("null", "127.0.0.1:8080", ORIGIN));
}

static void test_without_login_only_loopback_is_listened_on(void **state)
{
    struct settings s = {.auth = (char *)"none", .bind = (char *)"127.0.0.1"};
    struct err err = {0};
    (void)state;
    assert_int_equal(identity_check_settings(&s, &err), 0);
    s.bind = (char *)"0.0.0.0";
    assert_int_equal(identity_check_settings(&s, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine_and_the_public_name_are_served),
        cmocka_unit_test(test_a_name_that_somebody_points_here_is_not_served),
        cmocka_unit_test(test_a_page_may_post_only_to_where_it_came_from),
        cmocka_unit_test(test_without_login_only_loopback_is_listened_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
