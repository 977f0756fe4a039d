/* What an S3 server lists. (What its answers mean: persist-svc/judge_test.c.) */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "lib/s3.h"

#define HEAD "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
#define TAIL "<IsTruncated>false</IsTruncated></ListBucketResult>"
#define ENTRY(key, more) "<Contents><Key>" key "</Key>" more "</Contents>"

struct seen {
    char text[512];
    int n, stop_at;
};

static int see(void *user, const struct s3_entry *entry)
{
    struct seen *s = user;
    size_t used = strlen(s->text);
    (void)snprintf(s->text + used, sizeof s->text - used, "%s@%lld ", entry->key, (long long)entry->modified_ms);
    return ++s->n == s->stop_at ? -1 : 0;
}

static void test_entries_come_in_order_with_their_times(void **state)
{
    (void)state;
    struct seen s = {0};
    assert_int_equal(s3_list_read(HEAD ENTRY("a/1", "<LastModified>1970-01-01T00:00:01.500Z</LastModified><Size>3</Size>")
                                      ENTRY("a/2", "<Size>0</Size>") ENTRY("a/3", "<LastModified>soon</LastModified>") TAIL, see, &s), 0);
    assert_string_equal(s.text, "a/1@1500 a/2@0 a/3@0 ");
}

static void test_an_empty_list_is_one(void **state)
{
    (void)state;
    struct seen s = {0};
    assert_int_equal(s3_list_read(HEAD TAIL, see, &s), 0);
    assert_int_equal(s.n, 0);
}

static void test_what_is_no_list_or_half_of_one_is_said(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "<html>maintenance</html>", HEAD "<Contents><Key>a</Key>"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct seen s = {0};
        assert_int_equal(s3_list_read(bad[i], see, &s), -1);
        assert_int_equal(s.n, 0);
    }
}

static void test_keys_that_cannot_be_ours_are_passed_over(void **state)
{
    (void)state;
    struct seen s = {0};
    char xml[2048], long_key[S3_KEY_MAX + 1];
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    (void)snprintf(xml, sizeof xml, HEAD ENTRY("a&amp;b", "") ENTRY("%s", "") ENTRY("", "") "<Contents></Contents>" ENTRY("good", "") TAIL, long_key);
    assert_int_equal(s3_list_read(xml, see, &s), 0);
    assert_string_equal(s.text, "@0 good@0 ");
}

static void test_whoever_has_seen_enough_breaks_it_off(void **state)
{
    (void)state;
    struct seen s = {.stop_at = 1};
    assert_int_equal(s3_list_read(HEAD ENTRY("a", "") ENTRY("b", "") TAIL, see, &s), -1);
    assert_int_equal(s.n, 1);
}

#define SCOPE "us-east-1%2Fs3%2Faws4_request"

/* AWS's documentation, "Authenticating Requests: Using Query Parameters". */
static void test_an_address_is_signed_as_aws_published(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    const struct s3_presign link = {.base = "https://examplebucket.s3.amazonaws.com", .key = "test.txt", .region = "us-east-1",
                                    .key_id = "AKIAIOSFODNN7EXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                    .expires_s = 86400, .now_s = 1369353600};
    assert_int_equal(s3_presign(&link, &out), 0);
    assert_string_equal(out.data, "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                                  "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F" SCOPE "&X-Amz-Date=20130524T000000Z"
                                  "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                                  "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    buf_done(&out);
}

static void test_a_session_token_is_part_of_the_address_and_of_what_is_signed(void **state)
{
    (void)state;
    struct buf one = BUF_INIT, other = BUF_INIT;
    struct s3_presign link = {.base = "http://127.0.0.1:9000/b", .key = "k", .region = "r", .key_id = "i", .secret = "s", .token = "a+/b=",
                              .expires_s = 60, .now_s = 1369353600};
    assert_int_equal(s3_presign(&link, &one), 0);
    assert_non_null(strstr(one.data, "&X-Amz-Expires=60&X-Amz-Security-Token=a%2B%2Fb%3D&X-Amz-SignedHeaders=host"));
    link.token = "c";
    assert_int_equal(s3_presign(&link, &other), 0);
    assert_string_not_equal(strstr(one.data, "X-Amz-Signature"), strstr(other.data, "X-Amz-Signature"));
    buf_done(&one);
    buf_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_come_in_order_with_their_times),
        cmocka_unit_test(test_an_empty_list_is_one),
        cmocka_unit_test(test_what_is_no_list_or_half_of_one_is_said),
        cmocka_unit_test(test_keys_that_cannot_be_ours_are_passed_over),
        cmocka_unit_test(test_an_address_is_signed_as_aws_published),
        cmocka_unit_test(test_a_session_token_is_part_of_the_address_and_of_what_is_signed),
        cmocka_unit_test(test_whoever_has_seen_enough_breaks_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
