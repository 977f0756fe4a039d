#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "notify-svc/mailbox.h"

static struct mailbox all[MAILBOXES_MAX];

static void check_one(const char *text, const char *name, const char *address, const char *header)
{
    struct buf b = BUF_INIT;
    assert_int_equal(mailbox_list("TO", text, all, MAILBOXES_MAX, NULL), 1);
    assert_string_equal(all[0].name, name);
    assert_string_equal(all[0].address, address);
    mailbox_header(&b, all, 1);
    assert_string_equal(b.data, header);
    buf_done(&b);
}

static void check_refused(const char *text, const char *why)
{
    struct err err = {0};
    assert_int_equal(mailbox_list("SHEAF_NOTIFY_TO", text, all, MAILBOXES_MAX, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_memory_equal(err.text, "SHEAF_NOTIFY_TO: ", 17);
    if (!strstr(err.text, why)) fail_msg("\"%s\": %s", text, err.text);
}

static void test_address_stands_alone_or_behind_a_name(void **state)
{
    (void)state;
    check_one("ana@example.org", "", "ana@example.org", "ana@example.org");
    check_one("  ana@example.org ", "", "ana@example.org", "ana@example.org");
    check_one("<ana@example.org>", "", "ana@example.org", "ana@example.org");
    check_one("Ana Luz <ana@example.org>", "Ana Luz", "ana@example.org", "Ana Luz <ana@example.org>");
    check_one("owner@localhost", "", "owner@localhost", "owner@localhost");
    check_one("a.b+c_d'e@x-y.example", "", "a.b+c_d'e@x-y.example", "a.b+c_d'e@x-y.example");
}

static void test_name_with_special_characters_is_quoted_or_encoded(void **state)
{
    (void)state;
    check_one("\"Luz, Ana\" <a@b>", "Luz, Ana", "a@b", "\"Luz, Ana\" <a@b>");
    check_one("\"Ana \\\"A\\\" Luz\" <a@b>", "Ana \"A\" Luz", "a@b", "\"Ana \\\"A\\\" Luz\" <a@b>");
    check_one("Ana (school) <a@b>", "Ana (school)", "a@b", "\"Ana (school)\" <a@b>");
    check_one("Íñigo <a@b>", "Íñigo", "a@b", "=?UTF-8?B?w43DsWlnbw==?= <a@b>");
    check_one("=?UTF-8?B?QQ==?= <a@b>", "=?UTF-8?B?QQ==?=", "a@b", "=?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?= <a@b>");
}

static void test_several_are_separated_by_commas_and_folded(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_int_equal(mailbox_list("TO", "a@b, \"C, D\" <c@d>,e@f,", all, MAILBOXES_MAX, NULL), 3);
    mailbox_header(&b, all, 3);
    assert_string_equal(b.data, "a@b,\r\n \"C, D\" <c@d>,\r\n e@f");
    buf_done(&b);
}

static void test_text_that_could_add_a_header_or_a_command_is_refused(void **state)
{
    (void)state;
    check_refused("a@b\r\nBcc: all@c", "control character");
    check_refused("A\nBcc: x <a@b>", "control character");
    check_refused("a@b>\rRCPT TO:<c@d", "control character");
    check_refused("a@b> SIZE=1 <", "");
    check_refused("<a@b> <c@d>", "separated by commas");
    check_refused("\"A\" x <a@b>", "");
    check_refused("a@b@c", "not an e-mail address");
    check_refused("a b@c", "not an e-mail address");
    check_refused("a@b c", "not an e-mail address");
    check_refused("<a@b", "does not end");
    check_refused("\"A <a@b>", "does not end");
    check_refused("\"A\" a@b", "in < >");
    check_refused("", "not an e-mail address");
    check_refused(",a@b", "not an e-mail address");
    check_refused("@b", "not an e-mail address");
    check_refused("a@", "not an e-mail address");
}

static void test_address_beyond_ascii_is_refused_with_its_reason(void **state)
{
    (void)state;
    check_refused("niño@example.org", "SMTPUTF8");
}

static void test_texts_that_are_too_long_are_refused(void **state)
{
    (void)state;
    char text[600];
    snprintf(text, sizeof text, "%0300d <a@b>", 0);
    check_refused(text, "too long");
    snprintf(text, sizeof text, "%065d@b", 0);
    check_refused(text, "not an e-mail address");
    snprintf(text, sizeof text, "a@%0300d", 0);
    check_refused(text, "not an e-mail address");
    struct err err = {0};
    assert_int_equal(mailbox_list("TO", "a@b,a@b,a@b", all, 2, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_stands_alone_or_behind_a_name),
        cmocka_unit_test(test_name_with_special_characters_is_quoted_or_encoded),
        cmocka_unit_test(test_several_are_separated_by_commas_and_folded),
        cmocka_unit_test(test_text_that_could_add_a_header_or_a_command_is_refused),
        cmocka_unit_test(test_address_beyond_ascii_is_refused_with_its_reason),
        cmocka_unit_test(test_texts_that_are_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
