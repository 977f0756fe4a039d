#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "dispatcher/pipeline.h"
#include "proto/stages.h"

static void opens(const char *type, const char *result, const char *expected)
{
    char out[OPENS_TEXT];
    struct err err;
    assert_int_equal(pipeline_opens(pipeline_find(type), result, out, &err), 0);
    assert_string_equal(out, expected);
}

static void test_inspect_opens_as_many_pages_as_it_found(void **state)
{
    (void)state;
    opens("inspect", "{\"fan\":12,\"kind\":\"pdf\"}", "page:0:12");
    opens("inspect", "{\"fan\":0}", "");
}

static void test_extract_opens_the_save_of_its_own_entry(void **state)
{
    (void)state;
    opens("extract", "{\"words\":120}", "save:#:1");
}

static void test_the_most_that_one_result_may_open_is_said_in_full(void **state)
{
    (void)state;
    opens("split", "{\"fan\":500}", "extract:0:500");
}

static void test_a_page_opens_nothing_by_itself(void **state)
{
    (void)state;
    opens("page", "{}", "");
    assert_string_equal(pipeline[pipeline_find("page")].join, "split");
}

static void test_a_result_without_a_sound_fan_is_refused(void **state)
{
    static const char *const bad[] = {"", "{}", "[]", "{\"fan\":\"3\"}", "{\"fan\":-1}", "{\"fan\":501}", "{\"fan\":1e3}", "{\"fan\":3"};
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char out[OPENS_TEXT];
        assert_int_equal(pipeline_opens(pipeline_find("split"), bad[i], out, &err), -1);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_string_equal(out, "");
    }
}

static void test_every_stage_that_people_see_is_in_the_table(void **state)
{
    (void)state;
    for (int i = 0; i < STAGE_NAMES_N; i++) assert_true(pipeline_find(stage_names[i].name) >= 0);
    assert_int_equal(pipeline_find("nonsense"), -1);
}

static void test_the_graph_names_every_edge(void **state)
{
    struct buf graph = BUF_INIT;
    (void)state;
    pipeline_graph(&graph);
    assert_string_equal(graph.data, "inspect>page page>split split>extract extract>save "
                                    "stepa>stepb stepb>stepc stepc>stepd stepfan>stepd ");
    buf_done(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inspect_opens_as_many_pages_as_it_found),
        cmocka_unit_test(test_extract_opens_the_save_of_its_own_entry),
        cmocka_unit_test(test_the_most_that_one_result_may_open_is_said_in_full),
        cmocka_unit_test(test_a_page_opens_nothing_by_itself),
        cmocka_unit_test(test_a_result_without_a_sound_fan_is_refused),
        cmocka_unit_test(test_every_stage_that_people_see_is_in_the_table),
        cmocka_unit_test(test_the_graph_names_every_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
