#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "notify-svc/stage.h"

#define JOB "00aabbcc-0000-8000-8000-00000000000a"

static char var_folder[32];
static struct settings settings;
static struct channels channels;

static int open_with(const char *notify, struct err *err)
{
    char var[64], list[64];
    snprintf(var, sizeof var, "SHEAF_VAR=%s", var_folder);
    snprintf(list, sizeof list, "SHEAF_NOTIFY=%s", notify);
    char *environment[] = {var, list, NULL};
    if (settings_load_from(&settings, environment, err) == -1) return -1;
    if (channels_open(&channels, &settings, NULL, err) == 0) return 0;
    settings_done(&settings);
    return -1;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(var_folder, "/tmp/sheaf-outbox-XXXXXX");
    return mkdtemp(var_folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", var_folder);
    return system(command);
}

static int send_news(const char *name, char id[NOTIFY_ID_MAX])
{
    json_t *body = json_pack("{s:s, s:{s:{s:s, s:s}}}", "name", name, "in", "job", "state", "finished",
                             "finished", "2026-01-02T03:04:05.000Z");
    const struct token token = {7, 1, 1};
    int rc = notify_send(&channels, JOB, &token, body, 0, id, NULL);
    json_decref(body);
    return rc;
}

static int count_files(void)
{
    char command[120], answer[16] = "";
    snprintf(command, sizeof command, "ls -A '%s/outbox' | wc -l", var_folder);
    FILE *p = popen(command, "r");
    if (!p || !fgets(answer, sizeof answer, p)) return -1;
    pclose(p);
    return atoi(answer);
}

static void test_news_becomes_a_file_named_by_its_id(void **state)
{
    (void)state;
    char id[NOTIFY_ID_MAX], path[200], text[4096] = "";
    assert_int_equal(open_with("outbox", NULL), 0);
    assert_int_equal(send_news("niño.pdf", id), 0);
    assert_string_equal(id, JOB ".finished.7@sheaf");
    snprintf(path, sizeof path, "%s/outbox/" JOB ".finished.7.eml", var_folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_non_null(strstr(text, "Message-ID: <" JOB ".finished.7@sheaf>\r\n"));
    assert_non_null(strstr(text, "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"));
    assert_non_null(strstr(text, "To: owner@localhost\r\n"));
    channels_close(&channels);
    settings_done(&settings);
}

static void test_news_sent_twice_is_one_file(void **state)
{
    (void)state;
    char id[NOTIFY_ID_MAX];
    assert_int_equal(open_with("outbox", NULL), 0);
    assert_int_equal(send_news("a.pdf", id), 0);
    assert_int_equal(send_news("a.pdf", id), 0);
    assert_int_equal(count_files(), 1);
    channels_close(&channels);
    settings_done(&settings);
}

static void test_several_channels_are_all_used(void **state)
{
    (void)state;
    char id[NOTIFY_ID_MAX];
    assert_int_equal(open_with("null,outbox,outbox", NULL), 0);
    assert_int_equal(channels.n, 2);
    assert_int_equal(send_news("a.pdf", id), 0);
    assert_int_equal(count_files(), 1);
    channels_close(&channels);
    settings_done(&settings);
}

static void test_an_unknown_channel_is_refused_by_name(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(open_with("outbox,pigeon", &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "pigeon"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_news_becomes_a_file_named_by_its_id),
        TEST(test_news_sent_twice_is_one_file),
        TEST(test_several_channels_are_all_used),
        TEST(test_an_unknown_channel_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
