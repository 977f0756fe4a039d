#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/events.h"

#define JOB   "00a20bf3-5f0b-8d91-bdf0-02e73558028f"
#define BATCH "00a20bf3-5f22-84fb-8d4d-b0fd469518a2"

static bool parses(const char *line, struct event *event)
{
    return events_parse(line, strlen(line), event);
}

static void test_a_job_s_event_names_job_and_batch(void **state)
{
    struct event e;
    (void)state;
    assert_true(parses("j " JOB " 17 " BATCH " started", &e));
    assert_string_equal(e.job, JOB);
    assert_string_equal(e.batch, BATCH);
}

static void test_a_batch_s_event_names_no_job(void **state)
{
    struct event e;
    (void)state;
    assert_true(parses("b " BATCH " 3 1", &e));
    assert_string_equal(e.job, "");
    assert_string_equal(e.batch, BATCH);
}

static void test_a_later_word_is_ignored(void **state)
{
    struct event e;
    (void)state;
    assert_true(parses("j " JOB " 17 " BATCH " started something new", &e));
}

static void test_other_lines_are_not_events(void **state)
{
    struct event e;
    (void)state;
    assert_false(parses("", &e));
    assert_false(parses("j", &e));
    assert_false(parses("j " JOB, &e));
    assert_false(parses("j " JOB " 17", &e));
    assert_false(parses("x " JOB " 17 " BATCH, &e));
    assert_false(parses("b " BATCH BATCH " 1 0", &e));
    assert_false(parses("j  17 " BATCH, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_s_event_names_job_and_batch),
        cmocka_unit_test(test_a_batch_s_event_names_no_job),
        cmocka_unit_test(test_a_later_word_is_ignored),
        cmocka_unit_test(test_other_lines_are_not_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
