#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/view.h"

#define STORE   0
#define INSPECT 1
#define PAGE    2

struct values {
    const char *v[JOB_FIELDS];
};

static struct values job(const char *state)
{
    struct values j;
    for (int i = 0; i < JOB_FIELDS; i++) j.v[i] = "";
    j.v[JOB_STATE] = state;
    j.v[JOB_NAME] = "a.pdf";
    j.v[JOB_CREATED] = "1790000000000";
    return j;
}

static void counts(struct values *j, int stage, const char *opened, const char *done)
{
    j->v[JOB_OPENED + stage] = opened;
    j->v[JOB_DONE + stage] = done;
}

static void test_progress_is_real_and_does_not_go_back_when_pages_open(void **state)
{
    struct values j = job("started");
    (void)state;
    assert_int_equal(view_progress(j.v), 0);
    counts(&j, STORE, "1", "1");
    counts(&j, INSPECT, "1", "1");
    const int before = view_progress(j.v);
    counts(&j, PAGE, "40", "0");
    assert_int_equal(view_progress(j.v), before);
    counts(&j, PAGE, "40", "20");
    assert_int_equal(view_progress(j.v), before + 30);
}

static void test_progress_is_100_only_when_finished(void **state)
{
    struct values j = job("started");
    (void)state;
    for (int i = 0; i < STAGE_NAMES_N; i++) counts(&j, i, "3", "3");
    assert_int_equal(view_progress(j.v), 99);
    j.v[JOB_STATE] = "finished";
    assert_int_equal(view_progress(j.v), 100);
    counts(&j, PAGE, "3", "-4");
    j.v[JOB_STATE] = "started";
    assert_true(view_progress(j.v) >= 0);
}

static const char *message_of(const struct values *j, json_t **keep)
{
    *keep = view_job_line("id", j->v);
    return json_string_value(json_object_get(*keep, "status_message"));
}

static void test_the_message_says_what_it_waits_for_or_does(void **state)
{
    json_t *keep;
    struct values j = job("queued");
    (void)state;
    assert_string_equal(message_of(&j, &keep), "Waiting for its turn.");
    json_decref(keep);
    j.v[JOB_MSG] = "Waiting for a provider.";
    assert_string_equal(message_of(&j, &keep), "Waiting for a provider.");
    json_decref(keep);
    j = job("started");
    counts(&j, STORE, "1", "0");
    counts(&j, PAGE, "12", "3");
    assert_string_equal(message_of(&j, &keep), "Read the pages: 3 of 12");
    json_decref(keep);
    j = job("finished");
    assert_null(message_of(&j, &keep));
    json_decref(keep);
    j.v[JOB_MSG] = "The message waits.";
    assert_null(message_of(&j, &keep)); /* there is none */
    json_decref(keep);
    counts(&j, STAGE_NAMES_N - 1, "1", "0");
    assert_string_equal(message_of(&j, &keep), "The message waits.");
    json_decref(keep);
    counts(&j, STAGE_NAMES_N - 1, "1", "1");
    assert_null(message_of(&j, &keep));
    json_decref(keep);
}

static void test_a_failed_job_tells_code_text_and_stage(void **state)
{
    struct values j = job("failed");
    (void)state;
    j.v[JOB_ERR] =
        "{\"code\":\"encrypted\",\"text\":\"The PDF has a password.\",\"stage\":\"inspect\",\"index\":0}";
    json_t *line = view_job_line("id", j.v), *error = json_object_get(line, "error");
    assert_string_equal(json_string_value(json_object_get(error, "code")), "encrypted");
    assert_string_equal(json_string_value(json_object_get(error, "stage")), "inspect");
    assert_string_equal(json_string_value(json_object_get(line, "created_at")), "2026-09-21T14:13:20.000Z");
    json_decref(line);
    j.v[JOB_ERR] = "{not json";
    line = view_job_line("id", j.v);
    assert_non_null(line);
    json_decref(line);
}

static void test_stages_list_their_workers_and_end_only_when_all_is_done(void **state)
{
    struct values j = job("started");
    (void)state;
    counts(&j, PAGE, "2", "1");
    j.v[JOB_LAST_END + PAGE] = "1790000001000";
    j.v[JOB_WORKERS + PAGE] = "ocr-1,ocr-2";
    json_t *whole = view_job("id", j.v), *stages = json_object_get(whole, "stages"),
           *page = json_array_get(stages, PAGE);
    assert_int_equal(json_array_size(stages), 6); /* nobody asked for a notice */
    assert_true(json_is_null(json_object_get(page, "finished_at")));
    assert_int_equal(json_array_size(json_object_get(page, "workers")), 2);
    assert_int_equal(json_integer_value(json_object_get(page, "done")), 1);
    json_decref(whole);
}

static void test_a_batch_s_total_is_the_sum_of_the_five(void **state)
{
    const struct view_counts c = {.queued = 1, .started = 2, .finished = 3, .failed = 4, .cancelled = 5};
    (void)state;
    json_t *batch = view_batch(&c, true, 0);
    assert_int_equal(json_integer_value(json_object_get(batch, "total")), 15);
    assert_int_equal(json_integer_value(json_object_get(batch, "pending")), 1);
    assert_int_equal(json_integer_value(json_object_get(batch, "in_progress")), 2);
    assert_false(json_is_true(json_object_get(batch, "done")));
    json_decref(batch);
}

static void test_a_batch_is_done_when_sealed_and_nothing_is_on_its_way(void **state)
{
    const struct view_counts c = {.finished = 3};
    (void)state;
    json_t *batch = view_batch(&c, true, 0);
    assert_true(json_is_true(json_object_get(batch, "done")));
    json_decref(batch);
    batch = view_batch(&c, false, 0);
    assert_false(json_is_true(json_object_get(batch, "done")));
    json_decref(batch);
}

static void test_the_remaining_time_follows_from_what_was_done(void **state)
{
    struct view_counts c = {.started = 1, .finished = 1, .progress = 0, .created_ms = 1000};
    (void)state;
    assert_int_equal(view_remaining_s(&c, 11000), 10); /* one of two in ten seconds */
    c.progress = 50;
    assert_int_equal(view_remaining_s(&c, 31000), 10);
    c = (struct view_counts){.queued = 4, .created_ms = 1000};
    assert_int_equal(view_remaining_s(&c, 99000), -1);
    c = (struct view_counts){.failed = 2, .created_ms = 1000};
    assert_int_equal(view_remaining_s(&c, 99000), 0);
}

static void test_no_line_is_longer_than_a_list_reckons_with(void **state)
{
    char quotes[201], err[1024], message[201];
    struct values j = job("failed");
    (void)state;
    memset(quotes, '"', 200);
    memset(message, '\\', 200);
    quotes[200] = message[200] = '\0';
    int n = sprintf(err, "{\"code\":\"provider_refused_by_name\",\"stage\":\"extract\",\"index\":499,\"text\":\"");
    for (int i = 0; i < 200; i++) n += sprintf(err + n, "\\\"");
    sprintf(err + n, "\"}");
    j.v[JOB_NAME] = quotes;
    j.v[JOB_ERR] = err;
    j.v[JOB_MSG] = message;
    j.v[JOB_STARTED] = j.v[JOB_FINISHED] = "1790000000000";
    counts(&j, STAGE_NAMES_N - 1, "1", "0"); /* its message waits */
    json_t *line = view_job_line("00a20bf3-5f0b-8d91-bdf0-02e73558028f", j.v);
    char *text = json_dumps(line, JSON_COMPACT);
    assert_non_null(strstr(text, "\"error\""));
    assert_non_null(strstr(text, "\\\\\\\\"));
    assert_in_range(strlen(text), 3 * 400, VIEW_LINE_MAX - 1);
    free(text);
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress_is_real_and_does_not_go_back_when_pages_open),
        cmocka_unit_test(test_progress_is_100_only_when_finished),
        cmocka_unit_test(test_the_message_says_what_it_waits_for_or_does),
        cmocka_unit_test(test_a_failed_job_tells_code_text_and_stage),
        cmocka_unit_test(test_stages_list_their_workers_and_end_only_when_all_is_done),
        cmocka_unit_test(test_no_line_is_longer_than_a_list_reckons_with),
        cmocka_unit_test(test_a_batch_s_total_is_the_sum_of_the_five),
        cmocka_unit_test(test_a_batch_is_done_when_sealed_and_nothing_is_on_its_way),
        cmocka_unit_test(test_the_remaining_time_follows_from_what_was_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
