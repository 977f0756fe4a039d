#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "notify-svc/message.h"

static const struct mailbox from = {"sheaf@example.org", "Niño, S"};
static const struct mailbox to[] = {{"owner@example.org", ""}, {"b@example.org", "B"}};
static const struct message sound = {
    .from = &from,
    .to = to,
    .n_to = 2,
    .subject = "essay.pdf: completed",
    .id = "job.finished.1@sheaf",
    .date_ms = 1764000000000,
    .text = "Status: completed\n",
    .html = "<p>Status: completed</p>\n",
};

static void check_words(const char *text, const char *expected)
{
    struct buf b = BUF_INIT;
    message_encoded_words(&b, text);
    assert_string_equal(b.data, expected);
    buf_done(&b);
}

static void check_printable(const char *text, const char *expected)
{
    struct buf b = BUF_INIT;
    message_quoted_printable(&b, text);
    assert_string_equal(b.len ? b.data : "", expected);
    buf_done(&b);
}

static void test_words_plain_ascii_stays(void **state)
{
    (void)state;
    check_words("essay.pdf: completed", "essay.pdf: completed");
}

static void test_words_beyond_ascii_are_encoded(void **state)
{
    (void)state;
    check_words("niño.pdf", "=?UTF-8?B?bmnDsW8ucGRm?=");
    check_words("a", "a");
    check_words("é", "=?UTF-8?B?w6k=?=");
}

static void test_words_that_look_encoded_are_encoded(void **state)
{
    (void)state;
    check_words("=?UTF-8?B?QQ==?=", "=?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?=");
}

static void test_words_long_are_folded_between_characters(void **state)
{
    (void)state;
    char text[121] = "a";
    for (int i = 0; i < 50; i++) strcat(text, "é");
    struct buf b = BUF_INIT;
    message_encoded_words(&b, text);
    for (const char *line = b.data; line;) {
        const char *end = strstr(line, "\r\n");
        assert_true((end ? (size_t)(end - line) : strlen(line)) <= 76);
        line = end ? end + 2 : NULL;
    }
    /* "a" and 22 whole characters are 45 bytes. */
    assert_memory_equal(b.data, "=?UTF-8?B?YcOp", 14);
    assert_non_null(strstr(b.data, "?=\r\n =?UTF-8?B?w6nDqc"));
    buf_done(&b);
}

static void test_printable_lines_are_short_and_end_with_crlf(void **state)
{
    (void)state;
    check_printable("one\ntwo\n", "one\r\ntwo\r\n");
    check_printable("a=b", "a=3Db");
    check_printable("é", "=C3=A9");
    check_printable("end \nnext", "end=20\r\nnext");
    check_printable(".\n", "=2E\r\n");
    check_printable("", "");
    char text[101], expected[120];
    memset(text, 'x', 100);
    text[100] = '\0';
    memset(expected, 'x', 75);
    strcpy(expected + 75, "=\r\n");
    memset(expected + 78, 'x', 25);
    expected[103] = '\0';
    check_printable(text, expected);
}

static void test_message_has_its_headers_and_both_parts(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_int_equal(message_render(&sound, &b, NULL), 0);
    assert_memory_equal(
        b.data,
        "From: =?UTF-8?B?TmnDsW8sIFM=?= <sheaf@example.org>\r\nTo: owner@example.org,\r\n B <b@example.org>\r\n"
        "Subject: essay.pdf: completed\r\n",
        126);
    assert_non_null(strstr(b.data, "\r\nDate: Mon, 24 Nov 2025 16:00:00 +0000\r\n"));
    assert_non_null(strstr(b.data, "\r\nMessage-ID: <job.finished.1@sheaf>\r\n"));
    assert_non_null(strstr(b.data, "Content-Type: text/plain; charset=utf-8"));
    assert_non_null(strstr(b.data, "Content-Type: text/html; charset=utf-8"));
    buf_done(&b);
}

static void test_message_rendered_twice_is_the_same(void **state)
{
    (void)state;
    struct buf a = BUF_INIT, b = BUF_INIT;
    assert_int_equal(message_render(&sound, &a, NULL), 0);
    assert_int_equal(message_render(&sound, &b, NULL), 0);
    assert_string_equal(a.data, b.data);
    buf_done(&a);
    buf_done(&b);
}

static void check_refused(const struct message *message, const char *header)
{
    struct buf b = BUF_INIT;
    struct err err = {0};
    assert_int_equal(message_render(message, &b, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_non_null(strstr(err.text, header));
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

static void test_message_header_with_a_line_break_is_refused(void **state)
{
    (void)state;
    struct message m = sound;
    m.subject = "hello\r\nBcc: all@example.org";
    check_refused(&m, "Subject");
    m = sound;
    m.id = "a\x7f@sheaf";
    check_refused(&m, "Message-ID");
}

static void test_message_body_cannot_end_its_part(void **state)
{
    (void)state;
    struct buf whole = BUF_INIT;
    struct message m = sound;
    m.text = "--=_sheaf_0\n\nevil";
    assert_int_equal(message_render(&m, &whole, NULL), 0);
    assert_non_null(strstr(whole.data, "--=3D_sheaf_0"));
    buf_done(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_plain_ascii_stays),
        cmocka_unit_test(test_words_beyond_ascii_are_encoded),
        cmocka_unit_test(test_words_that_look_encoded_are_encoded),
        cmocka_unit_test(test_words_long_are_folded_between_characters),
        cmocka_unit_test(test_printable_lines_are_short_and_end_with_crlf),
        cmocka_unit_test(test_message_has_its_headers_and_both_parts),
        cmocka_unit_test(test_message_rendered_twice_is_the_same),
        cmocka_unit_test(test_message_header_with_a_line_break_is_refused),
        cmocka_unit_test(test_message_body_cannot_end_its_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
