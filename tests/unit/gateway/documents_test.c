#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/documents.h"

#define ALLOWED "https://files.example.org,https://scans.example.org/2026/"

static void test_an_address_below_an_allowed_one_may_be_fetched(void **state)
{
    (void)state;
    assert_true(documents_url_allowed("https://files.example.org/a.pdf", ALLOWED));
    assert_true(documents_url_allowed("https://files.example.org/", ALLOWED));
    assert_true(documents_url_allowed("https://scans.example.org/2026/spring/a.pdf?token=1", ALLOWED));
}

static void test_a_name_that_only_begins_alike_may_not(void **state)
{
    (void)state;
    assert_false(documents_url_allowed("https://files.example.org.evil.example/a.pdf", ALLOWED));
    assert_false(documents_url_allowed("https://files.example.org:8443/a.pdf", ALLOWED));
    assert_false(documents_url_allowed("http://files.example.org/a.pdf", ALLOWED));
    assert_false(documents_url_allowed("https://scans.example.org/2025/a.pdf", ALLOWED));
}

static void test_what_others_read_otherwise_may_not(void **state)
{
    (void)state;
    assert_false(documents_url_allowed("https://files.example.org@evil.example/a.pdf", ALLOWED));
    assert_false(documents_url_allowed("https://scans.example.org/2026/../2025/a.pdf", ALLOWED));
    assert_false(documents_url_allowed("https://scans.example.org/2026/%2E%2e/2025/a.pdf", ALLOWED));
    assert_false(documents_url_allowed("https://files.example.org\\evil.example/a.pdf", ALLOWED));
    assert_false(documents_url_allowed("file:///etc/passwd", ALLOWED));
    assert_false(documents_url_allowed("gopher://files.example.org/", "gopher://files.example.org"));
}

static void test_nothing_may_be_fetched_where_nothing_is_allowed(void **state)
{
    (void)state;
    assert_false(documents_url_allowed("https://files.example.org/a.pdf", NULL));
    assert_false(documents_url_allowed("https://files.example.org/a.pdf", ""));
    assert_false(documents_url_allowed("https://files.example.org/a.pdf", "https://"));
    assert_false(documents_url_allowed("https://files.example.org/a.pdf", ","));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_below_an_allowed_one_may_be_fetched),
        cmocka_unit_test(test_a_name_that_only_begins_alike_may_not),
        cmocka_unit_test(test_what_others_read_otherwise_may_not),
        cmocka_unit_test(test_nothing_may_be_fetched_where_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
