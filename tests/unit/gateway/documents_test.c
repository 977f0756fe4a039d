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

static void ends_in(const char *address, const char *name)
{
    char out[32];
    documents_name_of(address, out, sizeof out);
    assert_string_equal(out, name);
}

static void test_a_document_is_called_as_its_address_ends(void **state)
{
    (void)state;
    ends_in("https://files.example.org/spring/a%20b.pdf", "a b.pdf");
    ends_in("https://files.example.org/a.pdf?signature=x/y.z", "a.pdf");
    ends_in("essay-submissions/o/0123456789ab/original.pdf", "original.pdf");
    ends_in("a.pdf", "a.pdf");
}

static void test_an_address_that_ends_in_no_name_gives_none(void **state)
{
    (void)state;
    ends_in("https://files.example.org/spring/", "");
    ends_in("https://files.example.org/?a=b.pdf", "");
    ends_in("https://files.example.org/a%zz.pdf", "");
    ends_in("https://files.example.org/a-name-that-is-longer-than-there-is-room.pdf", "");
    ends_in("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_below_an_allowed_one_may_be_fetched),
        cmocka_unit_test(test_a_name_that_only_begins_alike_may_not),
        cmocka_unit_test(test_what_others_read_otherwise_may_not),
        cmocka_unit_test(test_a_document_is_called_as_its_address_ends),
        cmocka_unit_test(test_an_address_that_ends_in_no_name_gives_none),
        cmocka_unit_test(test_nothing_may_be_fetched_where_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
