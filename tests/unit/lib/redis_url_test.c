#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/redis_inner.h"

static struct redis_url parsed(const char *text)
{
    struct redis_url url = {0};
    struct err err = {0};

    if (redis_url_parse(text, &url, &err) == -1) fail_msg("%s: %s", text, err.text);
    return url;
}

static void check(const char *text, const char *host, int port, const char *user, const char *password,
                  int db)
{
    struct redis_url url = parsed(text);

    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_int_equal(url.db, db);
    if (user) assert_string_equal(url.user ? url.user : "(none)", user);
    if (!user) assert_null(url.user);
    if (password) assert_string_equal(url.password ? url.password : "(none)", password);
    if (!password) assert_null(url.password);
    assert_null(url.unix_path);
    redis_url_done(&url);
}

static void test_host_port_and_db_have_defaults(void **state)
{
    (void)state;
    check("redis://", "localhost", 6379, NULL, NULL, 0);
    check("redis://h", "h", 6379, NULL, NULL, 0);
    check("redis://h/", "h", 6379, NULL, NULL, 0);
    check("redis://h:1/15", "h", 1, NULL, NULL, 15);
    check("redis://:7", "localhost", 7, NULL, NULL, 0);
    check("redis:///3", "localhost", 6379, NULL, NULL, 3);
}

static void test_userinfo_with_and_without_a_user(void **state)
{
    (void)state;
    check("redis://:pw@h", "h", 6379, NULL, "pw", 0);
    check("redis://anna:pw@h", "h", 6379, "anna", "pw", 0);
    check("redis://anna@h", "h", 6379, "anna", "", 0);
    check("redis://@h", "h", 6379, NULL, NULL, 0);
    check("redis://:@h", "h", 6379, NULL, NULL, 0);
    check("redis://a:b:c@h", "h", 6379, "a", "b:c", 0);
}

static void test_userinfo_ends_at_the_last_at_sign(void **state)
{
    (void)state;
    check("redis://:p@ss@h:1", "h", 1, NULL, "p@ss", 0);
}

static void test_escapes_are_decoded_after_splitting(void **state)
{
    (void)state;
    check("redis://us%3aer:p%40%2F%25@h", "h", 6379, "us:er", "p@/%", 0);
}

static void test_ipv6_host_is_in_brackets(void **state)
{
    (void)state;
    check("redis://[::1]:6380/2", "::1", 6380, NULL, NULL, 2);
    check("redis://:pw@[fe80::1]", "fe80::1", 6379, NULL, "pw", 0);
}

static void test_query_knows_db_and_lets_the_rest_pass(void **state)
{
    (void)state;
    check("redis://h?ssl_cert_reqs=none&db=4&x", "h", 6379, NULL, NULL, 4);
    check("redis://h/1?health_check_interval=2@3#part", "h", 6379, NULL, NULL, 1);
}

static void test_rediss_is_tls(void **state)
{
    struct redis_url url = parsed("rediss://h");

    (void)state;
    assert_true(url.tls);
    redis_url_done(&url);
    url = parsed("redis://h");
    assert_false(url.tls);
    redis_url_done(&url);
}

static void test_unix_path_with_password_and_db(void **state)
{
    struct redis_url url = parsed("unix://:pw@/run/re%20dis@1.sock?db=5");

    (void)state;
    assert_string_equal(url.unix_path, "/run/re dis@1.sock");
    assert_string_equal(url.password, "pw");
    assert_int_equal(url.db, 5);
    assert_false(url.tls);
    redis_url_done(&url);
}

static void test_nonsense_is_a_config_error_that_never_shows_the_password(void **state)
{
    static const char *const texts[] = {
        "",
        "h:6379",
        "http://h",
        "redis:/h",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:hidden",
        "redis://:hid/den@h",
        "redis://h/hidden",
        "redis://h/-1",
        "redis://h/99999999999999999999",
        "redis://h?db=hidden",
        "redis://:hidden%@h",
        "redis://:hidden%0@h",
        "redis://:hidden%zz@h",
        "redis://:hidden%00@h",
        "redis://[::1",
        "redis://[::1]hidden",
        "unix://",
        "unix:///",
        "unix://hidden/path",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct redis_url url = {.port = 77};
        struct err err = {0};
        if (redis_url_parse(texts[i], &url, &err) == 0) fail_msg("taken: %s", texts[i]);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_null(strstr(err.text, "hid"));
        assert_int_equal(url.port, 77);
    }
    assert_int_equal(redis_url_parse(NULL, NULL, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_port_and_db_have_defaults),
        cmocka_unit_test(test_userinfo_with_and_without_a_user),
        cmocka_unit_test(test_userinfo_ends_at_the_last_at_sign),
        cmocka_unit_test(test_escapes_are_decoded_after_splitting),
        cmocka_unit_test(test_ipv6_host_is_in_brackets),
        cmocka_unit_test(test_query_knows_db_and_lets_the_rest_pass),
        cmocka_unit_test(test_rediss_is_tls),
        cmocka_unit_test(test_unix_path_with_password_and_db),
        cmocka_unit_test(test_nonsense_is_a_config_error_that_never_shows_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
