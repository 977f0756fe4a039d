#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static bool taken(const char *claims, struct caller *out)
{
    json_t *json = json_loads(claims, 0, NULL);
    assert_non_null(json);
    const bool yes = identity_from_claims(json, out);
    json_decref(json);
    return yes;
}

#define SUB "\"sub\":\"aaaaaaaa-0000-4000-8000-00000000000a\",\"exp\":1800000000"

static void test_owner_and_address_come_from_the_claims(void **state)
{
    (void)state;
    struct caller c;
    assert_true(taken("{" SUB ",\"email\":\"ana@school.example\"}", &c));
    assert_string_equal(c.owner, "aaaaaaaa-0000-4000-8000-00000000000a");
    assert_string_equal(c.email, "ana@school.example");
    assert_string_equal(c.user, "ana@school.example");
    assert_false(c.admin);
    assert_true(taken("{" SUB "}", &c));
    assert_string_equal(c.user, "aaaaaaaa-0000-4000-8000-00000000000a");
}

static void test_an_address_that_could_break_a_header_is_not_taken(void **state)
{
    (void)state;
    struct caller c;
    static const char *const bad[] = {"a@b\\r\\nBcc: x@y", "a b@c", "nobody", "<a@b>", "a@b,c@d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char claims[256];
        snprintf(claims, sizeof claims, "{" SUB ",\"email\":\"%s\"}", bad[i]);
        assert_true(taken(claims, &c));
        assert_string_equal(c.email, "");
    }
}

static void test_who_is_no_uuid_owns_nothing(void **state)
{
    (void)state;
    struct caller c;
    assert_false(taken("{}", &c));
    assert_false(taken("{\"sub\":7}", &c));
    assert_false(taken("{\"sub\":\"\"}", &c));
    assert_false(taken("{\"sub\":\"../../../../../../../../../../../x-\"}", &c));
    assert_false(taken("{\"sub\":\"aaaaaaaa-0000-4000-8000-00000000000a \"}", &c));
}

static void test_only_what_the_project_says_makes_an_administrator(void **state)
{
    (void)state;
    struct caller c;
    assert_true(taken("{" SUB ",\"app_metadata\":{\"role\":\"admin\"}}", &c) && c.admin);
    assert_true(taken("{" SUB ",\"app_metadata\":{\"roles\":[\"x\",\"admin\"]}}", &c) && c.admin);
    assert_true(taken("{" SUB ",\"user_metadata\":{\"role\":\"admin\"},\"role\":\"admin\"}", &c) && !c.admin);
    assert_true(taken("{" SUB ",\"app_metadata\":{\"role\":[\"admin\"]}}", &c) && !c.admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine_and_the_public_name_are_served),
        cmocka_unit_test(test_a_name_that_somebody_points_here_is_not_served),
        cmocka_unit_test(test_owner_and_address_come_from_the_claims),
        cmocka_unit_test(test_an_address_that_could_break_a_header_is_not_taken),
        cmocka_unit_test(test_who_is_no_uuid_owns_nothing),
        cmocka_unit_test(test_only_what_the_project_says_makes_an_administrator),
        cmocka_unit_test(test_a_page_may_post_only_to_where_it_came_from),
        cmocka_unit_test(test_without_login_only_loopback_is_listened_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
