#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>

#include "lib/metrics.h"

static bool renders(const char *line)
{
    struct buf out = BUF_INIT;
    metrics_render(&out);
    assert_false(out.bad);
    bool found = strstr(out.data, line) != NULL;
    if (!found) print_message("no \"%s\" in:\n%s", line, out.data);
    buf_done(&out);
    return found;
}

static void test_a_counter_shows_after_its_first_use(void **state)
{
    (void)state;
    static struct metric m = METRIC_COUNTER("t_uploads_total", "files accepted");
    metric_add(&m, NULL, 2);
    metric_add(&m, NULL, 1);
    assert_int_equal(metric_get(&m, NULL), 3);
    assert_true(renders(
        "# HELP t_uploads_total files accepted\n# TYPE t_uploads_total counter\nt_uploads_total 3\n"));
}

static void test_a_gauge_is_set(void **state)
{
    (void)state;
    static struct metric m = METRIC_GAUGE1("t_depth", "waiting", "stage");
    metric_set(&m, "page", 7);
    metric_set(&m, "page", 5);
    assert_true(renders("# TYPE t_depth gauge\nt_depth{stage=\"page\"} 5\n"));
    assert_int_equal(metric_get(&m, "save"), 0);
}

static void test_label_values_are_escaped(void **state)
{
    (void)state;
    static struct metric m = METRIC_COUNTER1("t_odd_total", "odd", "why");
    metric_add(&m, "a\"b\\c\nd", 1);
    assert_true(renders("t_odd_total{why=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

static void test_two_labels_are_told_apart(void **state)
{
    (void)state;
    static struct metric m = METRIC_COUNTER1("t_calls_total", "calls", "provider,outcome");
    metric_add(&m, "groq,ok", 3);
    metric_add(&m, "groq,odd,one", 1);
    assert_true(renders("t_calls_total{provider=\"groq\",outcome=\"ok\"} 3\n"));
    assert_true(renders("t_calls_total{provider=\"groq\",outcome=\"odd,one\"} 1\n"));
}

static void test_labels_beyond_the_limit_count_as_other(void **state)
{
    (void)state;
    static struct metric m = METRIC_COUNTER1("t_many_total", "many", "n");
    char label[16];
    metric_add(&m, "other", 1);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(label, sizeof label, "v%d", i);
        metric_add(&m, label, 1);
    }
    assert_int_equal(metric_get(&m, "v0"), 1);
    assert_int_equal(metric_get(&m, "other"), 1 + 100 - (METRIC_LABELS_MAX - 1));
}

static struct metric shared = METRIC_COUNTER1("t_shared_total", "shared", "n");

static void *count(void *arg)
{
    static const char *const labels[] = {"a", "b", "c", "d"};
    (void)arg;
    for (int i = 0; i < 10000; i++) metric_add(&shared, labels[i % 4], 1);
    return NULL;
}

static void test_threads_lose_no_count_and_make_no_label_twice(void **state)
{
    (void)state;
    pthread_t t[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i], NULL, count, NULL), 0);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    assert_int_equal(metric_get(&shared, "a"), 10000);
    assert_int_equal(metric_get(&shared, "d"), 10000);
    assert_null(shared.cells[4].label);
}

static void test_the_process_tells_memory_descriptors_and_uptime(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    metrics_render(&out);
    static const char *const names[] = {"\nprocess_resident_memory_bytes ", "\nprocess_open_fds ",
                                        "\nprocess_uptime_seconds "};
    for (size_t i = 0; i < 3; i++) {
        const char *at = strstr(out.data, names[i]);
        assert_non_null(at);
        assert_true(strtod(at + strlen(names[i]), NULL) >= 0);
    }
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_counter_shows_after_its_first_use),
        cmocka_unit_test(test_a_gauge_is_set),
        cmocka_unit_test(test_label_values_are_escaped),
        cmocka_unit_test(test_two_labels_are_told_apart),
        cmocka_unit_test(test_labels_beyond_the_limit_count_as_other),
        cmocka_unit_test(test_threads_lose_no_count_and_make_no_label_twice),
        cmocka_unit_test(test_the_process_tells_memory_descriptors_and_uptime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
