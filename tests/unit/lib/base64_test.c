#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/base64.h"

static void test_the_vectors_of_rfc_4648_hold_both_ways(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"", "", ""},           {"f", "Zg==", "Zg"},         {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"}, {"foob", "Zm9vYg==", "Zm9vYg"}, {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf a = BUF_INIT, b = BUF_INIT, back = BUF_INIT;
        base64_add(&a, rows[i][0], strlen(rows[i][0]));
        base64_url_add(&b, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(a.data, rows[i][1]);
        assert_string_equal(b.data, rows[i][2]);
        for (int k = 1; k < 3; k++) {
            buf_clear(&back);
            assert_int_equal(base64_decode(rows[i][k], strlen(rows[i][k]), &back), 0);
            assert_int_equal(back.len, strlen(rows[i][0]));
            assert_memory_equal(back.data, rows[i][0], back.len);
        }
        buf_done(&a);
        buf_done(&b);
        buf_done(&back);
    }
}

static void test_the_alphabets_differ_in_two_characters_and_both_are_read(void **state)
{
    (void)state;
    struct buf a = BUF_INIT, b = BUF_INIT, back = BUF_INIT;
    base64_add(&a, "\xfb\xef\xff", 3);
    base64_url_add(&b, "\xfb\xef\xff", 3);
    assert_string_equal(a.data, "++//");
    assert_string_equal(b.data, "--__");
    assert_int_equal(base64_decode("+-/_", 4, &back), 0);
    buf_done(&a);
    buf_done(&b);
    buf_done(&back);
}

static void test_more_than_a_block_is_whole(void **state)
{
    (void)state;
    char bytes[10000];
    struct buf text = BUF_INIT, back = BUF_INIT;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
    base64_add(&text, bytes, sizeof bytes);
    assert_int_equal(text.len, 13336);
    assert_int_equal(base64_decode(text.data, text.len, &back), 0);
    assert_int_equal(back.len, sizeof bytes);
    assert_memory_equal(back.data, bytes, sizeof bytes);
    buf_done(&text);
    buf_done(&back);
}

static void test_line_breaks_are_skipped_and_anything_else_is_refused(void **state)
{
    (void)state;
    struct buf back = BUF_INIT;
    assert_int_equal(base64_decode("Zm9v\r\n YmFy\n", 12, &back), 0);
    assert_string_equal(back.data, "foobar");
    static const char *const wrong[] = {"Z", "Zm9vY", "Zg=", "Zg===", "Zg==Zg==", "Zm9*", "=", "Zm9v=", "{\"a\":1}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        buf_clear(&back);
        if (base64_decode(wrong[i], strlen(wrong[i]), &back) == 0) fail_msg("%s", wrong[i]);
    }
    buf_done(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vectors_of_rfc_4648_hold_both_ways),
        cmocka_unit_test(test_the_alphabets_differ_in_two_characters_and_both_are_read),
        cmocka_unit_test(test_more_than_a_block_is_whole),
        cmocka_unit_test(test_line_breaks_are_skipped_and_anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
