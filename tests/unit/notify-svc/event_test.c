#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "notify-svc/event.h"

static void check(const char *id, const char *body_text, const char *expected)
{
    struct notice n;
    json_t *body = json_loads(body_text, 0, NULL);
    assert_int_equal(notice_read(&n, id, 1790000000000000, body, NULL), 0);
    char *text = event_json(&n, "m@sheaf", "https://s.example");
    assert_string_equal(text, expected);
    free(text);
    json_decref(body);
}

static void test_job_as_json(void **state)
{
    (void)state;
    check("j", "{\"name\":\"ni\xc3\xb1o.pdf\",\"in\":{\"job\":{\"state\":\"finished\",\"finished\":\"2026-01-02T03:04:05.000Z\"}}}",
          "{\"at\":\"2026-01-02T03:04:05.000Z\",\"error\":null,\"event\":\"job.finished\",\"filename\":\"ni\xc3\xb1o.pdf\",\"id\":\"m@sheaf\","
          "\"job_id\":\"j\",\"status\":\"completed\",\"url\":\"https://s.example/jobs/j\"}");
    check("j", "{\"name\":\"a\",\"in\":{\"job\":{\"state\":\"failed\",\"error\":{\"code\":\"encrypted\",\"text\":\"A password.\"}}}}",
          "{\"at\":\"2026-09-21T14:13:20.000Z\",\"error\":{\"code\":\"encrypted\",\"text\":\"A password.\"},\"event\":\"job.failed\","
          "\"filename\":\"a\",\"id\":\"m@sheaf\",\"job_id\":\"j\",\"status\":\"failed\",\"url\":\"https://s.example/jobs/j\"}");
}

static void test_batch_as_json(void **state)
{
    (void)state;
    check("b", "{\"in\":{\"batch\":{\"jobs\":5,\"finished\":3,\"failed\":1,\"cancelled\":1}}}",
          "{\"at\":\"2026-09-21T14:13:20.000Z\",\"batch_id\":\"b\",\"cancelled\":1,\"completed\":3,\"event\":\"batch.ended\",\"failed\":1,"
          "\"id\":\"m@sheaf\",\"total\":5,\"url\":\"https://s.example/review?mode=needs_review&upload_batch_id=b\"}");
}

/* The figure is Python's: hmac.new(b"key", b"1700000000.{}", "sha256").hexdigest() */
static void test_signature_covers_time_and_body(void **state)
{
    (void)state;
    char signature[EVENT_SIGNATURE_MAX], other[EVENT_SIGNATURE_MAX];
    assert_int_equal(event_sign("key", 1700000000, "{}", signature, NULL), 0);
    assert_string_equal(signature, "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
    assert_int_equal(event_sign("key", 1700000001, "{}", other, NULL), 0);
    assert_string_not_equal(strchr(signature, ','), strchr(other, ','));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_as_json),
        cmocka_unit_test(test_batch_as_json),
        cmocka_unit_test(test_signature_covers_time_and_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
