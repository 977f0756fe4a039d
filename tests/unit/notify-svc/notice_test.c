#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "notify-svc/notice.h"

#define JOB   "00aabbcc-0000-8000-8000-00000000000a"
#define BATCH "00aabbcc-0000-8000-8000-0000000000bb"
#define APP   "https://sheaf.example.org"

static void check(const char *id, const char *body_text, const char *subject, const char *text)
{
    struct notice n;
    struct buf s = BUF_INIT, t = BUF_INIT;
    json_t *body = json_loads(body_text, 0, NULL);
    assert_int_equal(notice_read(&n, id, 1790000000000000, body, NULL), 0);
    notice_subject(&n, &s);
    notice_text(&n, APP, &t);
    assert_string_equal(s.data, subject);
    assert_string_equal(t.data, text);
    buf_done(&s);
    buf_done(&t);
    json_decref(body);
}

static void test_job_that_completed(void **state)
{
    (void)state;
    check(JOB, "{\"name\":\"essay.pdf\",\"in\":{\"job\":{\"state\":\"finished\",\"error\":null}}}",
          "essay.pdf: completed",
          "Status: completed\nFile: essay.pdf\nJob: " JOB "\n\n" APP "/jobs/" JOB "\n");
}

static void test_job_that_failed_says_why(void **state)
{
    (void)state;
    check(JOB,
          "{\"name\":\"essay.pdf\",\"in\":{\"job\":{\"state\":\"failed\",\"error\":{\"code\":\"encrypted\","
          "\"text\":\"The file has a "
          "password.\",\"stage\":\"inspect\"}}}}",
          "essay.pdf: failed",
          "Status: failed\nFile: essay.pdf\nJob: " JOB "\nError: The file has a password.\n\n" APP
          "/jobs/" JOB "\n");
}

static void test_job_that_was_cancelled(void **state)
{
    (void)state;
    check(JOB, "{\"name\":\"a.pdf\",\"in\":{\"job\":{\"state\":\"cancelled\"}}}", "a.pdf: cancelled",
          "Status: cancelled\nFile: a.pdf\nJob: " JOB "\n\n" APP "/jobs/" JOB "\n");
}

static void test_batch_of_several(void **state)
{
    (void)state;
    check(BATCH, "{\"in\":{\"batch\":{\"jobs\":5,\"finished\":3,\"failed\":2,\"cancelled\":0}}}",
          "Your essays have been processed",
          "3 of 5 essay(s) processed successfully.\n2 had errors (see Review page).\n\n" APP
          "/review?mode=needs_review&upload_batch_id=" BATCH "\n");
}

static void test_batch_of_one(void **state)
{
    (void)state;
    check(BATCH, "{\"in\":{\"batch\":{\"jobs\":1,\"finished\":1,\"failed\":0,\"cancelled\":0}}}",
          "Your essay has been processed",
          "1 of 1 essay(s) processed successfully.\n\n" APP "/review?mode=needs_review&upload_batch_id=" BATCH
          "\n");
}

static void test_file_name_cannot_break_lines(void **state)
{
    (void)state;
    check(JOB, "{\"name\":\"a\\r\\nBcc: x\",\"in\":{\"job\":{\"state\":\"finished\"}}}",
          "a  Bcc: x: completed",
          "Status: completed\nFile: a  Bcc: x\nJob: " JOB "\n\n" APP "/jobs/" JOB "\n");
}

static void test_html_is_escaped(void **state)
{
    (void)state;
    struct notice n;
    struct buf html = BUF_INIT;
    json_t *body = json_loads(
        "{\"name\":\"<img src=x onerror='a'>&\\\"\",\"in\":{\"job\":{\"state\":\"finished\"}}}", 0, NULL);
    assert_int_equal(notice_read(&n, JOB, 1, body, NULL), 0);
    notice_html(&n, APP, &html);
    assert_non_null(strstr(html.data, "&lt;img src=x onerror=&#39;a&#39;&gt;&amp;&quot;"));
    assert_null(strstr(html.data, "<img"));
    assert_non_null(strstr(html.data, "<a href=\"" APP "/jobs/" JOB "\">"));
    buf_done(&html);
    json_decref(body);
}

static void test_event_is_the_same_for_every_delivery_and_another_for_another_run(void **state)
{
    (void)state;
    struct notice n;
    json_t *body = json_loads("{\"in\":{\"job\":{\"state\":\"finished\"}}}", 0, NULL);
    assert_int_equal(notice_read(&n, JOB, 7, body, NULL), 0);
    assert_string_equal(n.event, JOB ".finished.7");
    assert_int_equal(notice_read(&n, JOB, 8, body, NULL), 0);
    assert_string_equal(n.event, JOB ".finished.8");
    json_decref(body);
}

static void test_body_without_news_is_refused(void **state)
{
    (void)state;
    struct notice n;
    struct err err = {0};
    json_t *body = json_loads("{\"in\":{\"job\":7,\"batch\":null}}", 0, NULL);
    assert_int_equal(notice_read(&n, JOB, 7, body, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    json_decref(body);
    assert_int_equal(notice_read(&n, JOB, 7, NULL, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_that_completed),
        cmocka_unit_test(test_job_that_failed_says_why),
        cmocka_unit_test(test_job_that_was_cancelled),
        cmocka_unit_test(test_batch_of_several),
        cmocka_unit_test(test_batch_of_one),
        cmocka_unit_test(test_file_name_cannot_break_lines),
        cmocka_unit_test(test_html_is_escaped),
        cmocka_unit_test(test_event_is_the_same_for_every_delivery_and_another_for_another_run),
        cmocka_unit_test(test_body_without_news_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
