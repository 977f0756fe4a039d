#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/settings.h"

#define ENV(...) ((char *const *)(const char *[]){__VA_ARGS__, NULL})

static struct settings load(char *const *environment)
{
    struct settings s;
    struct err err = {0};
    if (settings_load_from(&s, environment, &err) == -1) fail_msg("refused: %s", err.text);
    return s;
}

static void refused(char *const *environment, const char *want)
{
    struct settings s = {.port = 4711};
    struct err err = {0};
    assert_int_equal(settings_load_from(&s, environment, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (!strstr(err.text, want)) fail_msg("\"%s\" does not say \"%s\"", err.text, want);
    assert_int_equal(s.port, 4711); /* untouched */
}

static void test_defaults_need_no_environment(void **state)
{
    (void)state;
    struct settings s = load(ENV("HOME=/root"));
    assert_int_equal(s.port, 8080);
    assert_int_equal(s.lease_ms, 10000);
    assert_int_equal(s.max_file_bytes, 25 << 20);
    assert_true(s.review_below > 0.79 && s.review_below < 0.81);
    assert_false(s.redis_evict_ok);
    assert_null(s.ocr);
    assert_int_equal(s.threads, SETTING_UNSET);
    assert_string_equal(s.redis_url, "redis://127.0.0.1:6379/0");
    settings_done(&s);
}

static void test_values_are_read_in_their_units(void **state)
{
    (void)state;
    struct settings s = load(ENV("SHEAF_LEASE=2m", "SHEAF_MAX_FILE=4KiB", "SHEAF_FULL_AT=.5",
                                 "SHEAF_WIRE_PLAIN=Yes", "SHEAF_OCR=null", "SHEAF_THREADS=3"));
    assert_int_equal(s.lease_ms, 120000);
    assert_int_equal(s.max_file_bytes, 4096);
    assert_true(s.max_memory_share == 0.5);
    assert_true(s.wire_plain);
    assert_string_equal(s.ocr, "null");
    assert_int_equal(s.threads, 3);
    settings_done(&s);
}

static void test_an_empty_value_counts_as_not_given(void **state)
{
    (void)state;
    struct settings s = load(ENV("SHEAF_LEASE=", "SHEAF_OCR="));
    assert_int_equal(s.lease_ms, 10000);
    assert_null(s.ocr);
    settings_done(&s);
}

static void test_bad_values_are_refused_with_what_is_allowed(void **state)
{
    (void)state;
    refused(ENV("SHEAF_LEASE=10"), "SHEAF_LEASE: \"10\" is not a time with its unit");
    refused(ENV("SHEAF_LEASE=1ms"), "not between 500ms and 10m");
    refused(ENV("SHEAF_LEASE=99999999999999999h"), "SHEAF_LEASE");
    refused(ENV("SHEAF_MAX_FILE=1MB"), "a number of bytes");
    refused(ENV("SHEAF_PORT=0"), "not between 1 and 65000");
    refused(ENV("SHEAF_PORT= 80"), "a whole number");
    refused(ENV("SHEAF_PORT=80x"), "a whole number");
    refused(ENV("SHEAF_FULL_AT=nan"), "a number");
    refused(ENV("SHEAF_FULL_AT=1.5"), "not between");
    refused(ENV("SHEAF_WIRE_PLAIN=maybe"), "yes or no");
    refused(ENV("SHEAF_BLOBS=disk"), "folder|redis|s3");
}

static void test_an_unknown_name_is_answered_with_the_nearest(void **state)
{
    (void)state;
    refused(ENV("SHEAF_PROT=1"), "SHEAF_PROT is not a setting; did you mean SHEAF_PORT?");
    refused(ENV("SHEAF_MAX_PAGE=1"), "did you mean SHEAF_MAX_PAGES?");
    refused(ENV("SHEAF_LEASES_FILE=1"), "SHEAF_LEASE");
}

static void test_a_list_is_taken_only_where_it_is_allowed(void **state)
{
    (void)state;
    struct settings s = load(ENV("SHEAF_NOTIFY=outbox,null"));
    assert_string_equal(s.notify, "outbox,null");
    settings_done(&s);
    refused(ENV("SHEAF_NOTIFY=outbox,"), "SHEAF_NOTIFY");
    refused(ENV("SHEAF_NOTIFY=outbox,nul"), "with commas between");
    refused(ENV("SHEAF_RECORDS=sqlite,null"), "SHEAF_RECORDS");
}

static void test_name_file_reads_the_value_without_its_line_end(void **state)
{
    (void)state;
    char path[] = "/tmp/settings_test.XXXXXX", entry[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "redis://u:p@h/1\r\n", 17), 17);
    close(fd);
    (void)snprintf(entry, sizeof entry, "REDIS_URL_FILE=%s", path);
    struct settings s = load(ENV(entry));
    assert_string_equal(s.redis_url, "redis://u:p@h/1");
    settings_done(&s);
    refused(ENV(entry, "REDIS_URL=redis://x"), "both given");
    (void)unlink(path);
    refused(ENV(entry), "No such file");
}

static void test_bind_beyond_loopback_needs_a_login(void **state)
{
    (void)state;
    refused(ENV("SHEAF_BIND=0.0.0.0"), "SHEAF_AUTH=none");
    refused(ENV("SHEAF_BIND=0.0.0.0", "SUPABASE_URL=https://p.example"), "SHEAF_AUTH=none");
    refused(ENV("SHEAF_BIND=0.0.0.0", "SHEAF_AUTH=none", "SUPABASE_URL=https://p.example", "SUPABASE_SERVICE_ROLE_KEY=k"), "SHEAF_AUTH=none");
    struct settings s = load(ENV("SHEAF_BIND=0.0.0.0", "SHEAF_AUTH=token"));
    settings_done(&s);
    s = load(ENV("SHEAF_BIND=0.0.0.0", "SUPABASE_URL=https://p.example", "SUPABASE_SERVICE_ROLE_KEY=k"));
    settings_done(&s);
    s = load(ENV("SHEAF_BIND=127.8.9.1"));
    settings_done(&s);
}

static void test_an_ipv6_address_to_listen_on_is_refused_by_the_name_of_its_setting(void **state)
{
    (void)state;
    refused(ENV("SHEAF_BIND=::1"), "SHEAF_BIND=::1 is an IPv6 address");
    refused(ENV("SHEAF_BIND=[::1]"), "IPv6");
    refused(ENV("SHEAF_BIND=::", "SHEAF_AUTH=token"), "IPv6");
    refused(ENV("SHEAF_BIND=::ffff:127.0.0.1"), "IPv6");
}

static void auth_is(char *const *environment, const char *auth)
{
    struct settings s = load(environment);
    assert_string_equal(settings_auth(&s), auth);
    settings_done(&s);
}

static void test_a_supabase_project_with_its_service_key_turns_signing_in_on(void **state)
{
    (void)state;
    auth_is(ENV("SHEAF_PORT=1"), "none");
    auth_is(ENV("SUPABASE_URL=https://p.example"), "none");
    auth_is(ENV("SUPABASE_URL=https://p.example", "SUPABASE_SERVICE_ROLE_KEY=k"), "supabase");
    auth_is(ENV("SUPABASE_URL=https://p.example", "SUPABASE_SERVICE_ROLE_KEY=k", "SHEAF_AUTH=none"), "none");
    auth_is(ENV("SUPABASE_URL=https://p.example", "SUPABASE_SERVICE_ROLE_KEY=k", "SHEAF_AUTH=token"), "token");
    auth_is(ENV("SHEAF_AUTH=supabase"), "supabase");
}

static void test_loopback_addresses(void **state)
{
    (void)state;
    assert_true(settings_is_loopback("127.0.0.1") && settings_is_loopback("127.8.9.1"));
    assert_true(settings_is_loopback("::1") && settings_is_loopback("localhost"));
    assert_false(settings_is_loopback("0.0.0.0") || settings_is_loopback("127.evil.example"));
    assert_false(settings_is_loopback("10.0.0.1") || settings_is_loopback(""));
}

static void test_ports_derive_from_sheaf_port_which_wins_over_port(void **state)
{
    (void)state;
    struct settings s = load(ENV("PORT=5000"));
    assert_int_equal(settings_gateway_port(&s), 5000);
    assert_int_equal(settings_admin_port(&s, W_GATEWAY), 8081);
    settings_done(&s);
    s = load(ENV("PORT=5000", "SHEAF_PORT=9000"));
    assert_int_equal(settings_gateway_port(&s), 9000);
    assert_int_equal(settings_admin_port(&s, W_OCR), 9003);
    assert_int_equal(settings_admin_port(&s, W_NOTIFY), 9006);
    settings_done(&s);
    s = load(ENV("SHEAF_ADMIN_PORT=0"));
    assert_int_equal(settings_admin_port(&s, W_OCR), 0);
    settings_done(&s);
}

static char *printed(const struct settings *s, unsigned who)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (s)
        settings_print(s, out, who);
    else
        settings_help(out, who);
    (void)fclose(out);
    return text;
}

static void test_print_shows_values_in_units_and_hides_secrets(void **state)
{
    (void)state;
    struct settings s = load(ENV("REDIS_URL=redis://:hush@h", "SHEAF_LEASE=90000ms"));
    char *text = printed(&s, W_DISPATCHER);
    assert_non_null(strstr(text, "REDIS_URL=***\n"));
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "SHEAF_LEASE=90s\n"));
    assert_non_null(strstr(text, "SHEAF_THREADS=\n"));
    assert_null(strstr(text, "SHEAF_OCR_DPI"));
    free(text);
    settings_done(&s);
}

static void test_help_lists_name_default_and_range_of_the_readers_settings(void **state)
{
    (void)state;
    char *text = printed(NULL, W_OCR);
    assert_non_null(strstr(text, "SHEAF_OCR_DPI=200 [72 to 600]"));
    assert_null(strstr(text, "SHEAF_MAX_FILES"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_need_no_environment),
        cmocka_unit_test(test_values_are_read_in_their_units),
        cmocka_unit_test(test_an_empty_value_counts_as_not_given),
        cmocka_unit_test(test_bad_values_are_refused_with_what_is_allowed),
        cmocka_unit_test(test_an_unknown_name_is_answered_with_the_nearest),
        cmocka_unit_test(test_a_list_is_taken_only_where_it_is_allowed),
        cmocka_unit_test(test_name_file_reads_the_value_without_its_line_end),
        cmocka_unit_test(test_bind_beyond_loopback_needs_a_login),
        cmocka_unit_test(test_an_ipv6_address_to_listen_on_is_refused_by_the_name_of_its_setting),
        cmocka_unit_test(test_a_supabase_project_with_its_service_key_turns_signing_in_on),
        cmocka_unit_test(test_loopback_addresses),
        cmocka_unit_test(test_ports_derive_from_sheaf_port_which_wins_over_port),
        cmocka_unit_test(test_print_shows_values_in_units_and_hides_secrets),
        cmocka_unit_test(test_help_lists_name_default_and_range_of_the_readers_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
