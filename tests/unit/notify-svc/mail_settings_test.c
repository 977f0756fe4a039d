#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "notify-svc/mail_settings.h"

static struct settings settings;
static struct mail_people people;
static struct mail_server mail;

#define ENV(...) ((char *const *)(const char *const[]){__VA_ARGS__, NULL})

static int read_all(char *const *environment, struct err *err)
{
    settings_done(&settings);
    assert_int_equal(settings_load_from(&settings, environment, err), 0);
    if (mail_people_read(&settings, &people, err) == -1) return -1;
    return mail_server_read(&settings, &people.from, &mail, err);
}

static void check_server(char *const *environment, const char *host, int port, enum smtpc_tls tls, const char *user,
                         const char *password)
{
    assert_int_equal(read_all(environment, NULL), 0);
    assert_string_equal(mail.server.host, host);
    assert_int_equal(mail.server.port, port);
    assert_int_equal(mail.server.tls, tls);
    if (!user) {
        assert_null(mail.server.user);
        assert_null(mail.server.password);
        return;
    }
    assert_string_equal(mail.server.user, user);
    assert_string_equal(mail.server.password, password);
}

static void check_refused(char *const *environment, const char *why)
{
    struct err err = {0};
    assert_int_equal(read_all(environment, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (!strstr(err.text, why)) fail_msg("%s", err.text);
    assert_null(strstr(err.text, "geheim"));
}

static void test_server_is_spoken_to_with_starttls_unless_told_otherwise(void **state)
{
    (void)state;
    check_server(ENV("SMTP_HOST=mx.example.org"), "mx.example.org", 587, SMTPC_STARTTLS, NULL, NULL);
    check_server(ENV("SMTP_HOST=mx.example.org", "SMTP_PORT=2525", "SMTP_USE_TLS=true"), "mx.example.org", 2525, SMTPC_STARTTLS, NULL, NULL);
    check_server(ENV("SMTP_HOST=mx.example.org", "SMTP_PORT=465"), "mx.example.org", 465, SMTPC_TLS, NULL, NULL);
    check_server(ENV("SMTP_HOST=mx.example.org", "SMTP_PORT=465", "SMTP_USE_TLS=no"), "mx.example.org", 465, SMTPC_TLS, NULL, NULL);
    check_server(ENV("SMTP_HOST=mx.example.org", "SMTP_PORT=25", "SMTP_USE_TLS=false"), "mx.example.org", 25, SMTPC_PLAIN, NULL, NULL);
}

static void test_password_has_two_names(void **state)
{
    (void)state;
    check_server(ENV("SMTP_HOST=h", "SMTP_USER=u", "SMTP_PASS=geheim"), "h", 587, SMTPC_STARTTLS, "u", "geheim");
    check_server(ENV("SMTP_HOST=h", "SMTP_USER=u", "SMTP_PASSWORD=geheim"), "h", 587, SMTPC_STARTTLS, "u", "geheim");
}

static void test_password_in_clear_text_is_for_loopback_only(void **state)
{
    (void)state;
    check_server(ENV("SMTP_HOST=127.0.0.1", "SMTP_USER=u", "SMTP_PASS=p", "SMTP_USE_TLS=no"), "127.0.0.1", 587, SMTPC_PLAIN, "u", "p");
    check_refused(ENV("SMTP_HOST=mx.example.org", "SMTP_USER=u", "SMTP_PASS=geheim", "SMTP_USE_TLS=no"), "clear text");
}

static void test_gmail_by_the_old_names(void **state)
{
    (void)state;
    check_server(ENV("EMAIL=ana@gmail.com", "GMAIL_PASSWORD=abcd efgh ijkl mnop"), "smtp.gmail.com", 587, SMTPC_STARTTLS, "ana@gmail.com",
                 "abcdefghijklmnop");
    assert_string_equal(people.from.address, "ana@gmail.com");
    assert_string_equal(settings_notify(&settings), "smtp");
    check_server(ENV("EMAIL=ana@gmail.com", "GMAIL_PASSWORD=x", "SMTP_HOST=h"), "h", 587, SMTPC_STARTTLS, NULL, NULL);
}

static void test_sender_is_the_first_that_is_named(void **state)
{
    (void)state;
    assert_int_equal(read_all(ENV("SMTP_HOST=h", "FROM_EMAIL=Sheaf <a@b.example>", "SMTP_FROM=c@d"), NULL), 0);
    assert_string_equal(people.from.address, "a@b.example");
    assert_string_equal(people.from.name, "Sheaf");
    assert_string_equal(mail.hello, "b.example");
    assert_int_equal(read_all(ENV("SMTP_HOST=h", "SMTP_FROM=c@d", "SMTP_USER=u@v", "SMTP_PASS=p"), NULL), 0);
    assert_string_equal(people.from.address, "c@d");
    assert_int_equal(read_all(ENV("SMTP_HOST=h", "SMTP_USER=u@v", "SMTP_PASS=p"), NULL), 0);
    assert_string_equal(people.from.address, "u@v");
    assert_int_equal(read_all(ENV("SMTP_HOST=h"), NULL), 0);
    assert_string_equal(people.from.address, "sheaf@localhost");
    assert_string_equal(mail.hello, "localhost.localdomain");
}

static void test_recipient_whom_nobody_named_is_the_account_that_sends(void **state)
{
    (void)state;
    const struct {
        char *const *given;
        const char *to;
    } rows[] = {
        {ENV("SMTP_HOST=h", "SHEAF_NOTIFY_TO=x@y", "SMTP_USER=u@v", "SMTP_PASS=p"), "x@y"},
        {ENV("SMTP_HOST=h", "FROM_EMAIL=noreply@b", "SMTP_USER=u@v", "SMTP_PASS=p"), "u@v"},
        {ENV("EMAIL=a@b", "GMAIL_PASSWORD=geheim"), "a@b"},
        {ENV("SMTP_HOST=h", "FROM_EMAIL=office@b"), "office@b"},
        {ENV("SMTP_HOST=h"), "owner@localhost"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_all(rows[i].given, NULL), 0);
        assert_int_equal(people.n_to, 1);
        assert_string_equal(people.to[0].address, rows[i].to);
    }
}

static void test_channels_are_chosen_by_what_is_configured(void **state)
{
    (void)state;
    static const struct {
        const char *given, *chosen;
    } rows[] = {{"EMAIL=a@b", "outbox"}, {"SMTP_HOST=h", "smtp"}, {"SHEAF_WEBHOOK_URL=https://h/", "webhook"}, {"SHEAF_NOTIFY=null", "null"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        settings_done(&settings);
        assert_int_equal(settings_load_from(&settings, ENV(rows[i].given), NULL), 0);
        assert_string_equal(settings_notify(&settings), rows[i].chosen);
    }
    settings_done(&settings);
    assert_int_equal(settings_load_from(&settings, ENV("SMTP_HOST=h", "SHEAF_WEBHOOK_URL=https://h/"), NULL), 0);
    assert_string_equal(settings_notify(&settings), "smtp,webhook");
}

static void test_what_is_missing_or_could_inject_is_refused_by_name(void **state)
{
    (void)state;
    check_refused(ENV("SHEAF_NOTIFY=smtp"), "SMTP_HOST");
    check_refused(ENV("SHEAF_NOTIFY=smtp", "GMAIL_PASSWORD=geheim"), "EMAIL");
    check_refused(ENV("SMTP_HOST=h", "SMTP_USER=u"), "SMTP_PASS");
    check_refused(ENV("SMTP_HOST=h", "SMTP_PASS=geheim"), "SMTP_USER");
    check_refused(ENV("SMTP_HOST=h/x"), "SMTP_HOST");
    check_refused(ENV("SMTP_HOST=u@h"), "SMTP_HOST");
    check_refused(ENV("SMTP_HOST=h", "SMTP_USER=u\r\nQUIT", "SMTP_PASS=geheim"), "SMTP_USER");
    check_refused(ENV("SMTP_HOST=h", "FROM_EMAIL=a@b\nBcc: c@d"), "FROM_EMAIL");
    check_refused(ENV("SMTP_HOST=h", "SHEAF_NOTIFY_TO=everybody"), "SHEAF_NOTIFY_TO");
}

static int tear_down(void **state)
{
    (void)state;
    settings_done(&settings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_is_spoken_to_with_starttls_unless_told_otherwise),
        cmocka_unit_test(test_password_has_two_names),
        cmocka_unit_test(test_password_in_clear_text_is_for_loopback_only),
        cmocka_unit_test(test_gmail_by_the_old_names),
        cmocka_unit_test(test_sender_is_the_first_that_is_named),
        cmocka_unit_test(test_recipient_whom_nobody_named_is_the_account_that_sends),
        cmocka_unit_test(test_channels_are_chosen_by_what_is_configured),
        cmocka_unit_test(test_what_is_missing_or_could_inject_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
