#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "cli/predictions.h"
#include "cli/text.h"

static json_t *record(const char *file, int index, int first, int last)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:n, s:s, s:b, s:b, s:{s:{s:f}}}", "filename", file,
                     "chunk_index", index, "chunk_page_start", first, "chunk_page_end", last, "student_name",
                     "Ana Luz", "teacher_name", "Ms. T", "city_or_location", "Rio", "father_figure_name",
                     "essay_text", "My father", "needs_review", 1, "is_container_parent", 0, "evidence",
                     "student_name", "confidence", 0.75);
}

static void add(json_t *predictions, json_t *r, json_t *texts)
{
    struct err err;
    assert_int_equal(predictions_add(predictions, r, texts, &err), 0);
    json_decref(r);
    json_decref(texts);
}

static void assert_json(const json_t *got, const char *want)
{
    json_t *w = json_loads(want, 0, NULL);
    assert_non_null(w);
    if (!json_equal(got, w)) fail_msg("got %s", json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS));
    json_decref(w);
}

static void test_a_record_becomes_an_entry_in_the_measures_names(void **state)
{
    (void)state;
    json_t *p = json_pack("{s:{}}", "documents");
    add(p, record("form.1.pdf", 0, 1, 2), json_pack("[{s:i,s:s}]", "page", 1, "text", "Name"));
    predictions_sort(p);
    assert_json(
        p,
        "{\"documents\":{\"form.1\":{\"pages\":[{\"page\":1,\"text\":\"Name\"}],\"entries\":[{\"pages\":[1,2]"
        ","
        "\"fields\":{\"student_name\":\"Ana Luz\",\"school_name\":\"\",\"grade\":\"\",\"teacher\":\"Ms. T\","
        "\"city\":\"Rio\",\"father_name\":\"\",\"phone\":\"\",\"email\":\"\"},\"essay\":\"My father\","
        "\"confidences\":{\"student_name\":0.75},\"needs_review\":true}]}}}");
    json_decref(p);
}

static void test_entries_and_pages_come_in_order_and_once(void **state)
{
    (void)state;
    json_t *p = json_pack("{s:{}}", "documents");
    add(p, record("a.pdf", 1, 3, 4),
        json_pack("[{s:i,s:s},{s:i,s:s}]", "page", 4, "text", "d", "page", 3, "text", "c"));
    add(p, record("a.pdf", 0, 1, 2),
        json_pack("[{s:i,s:s},{s:i,s:s}]", "page", 1, "text", "a", "page", 4, "text", "d"));
    predictions_sort(p);
    const json_t *document = json_object_get(json_object_get(p, "documents"), "a");
    assert_json(json_object_get(document, "pages"),
                "[{\"page\":1,\"text\":\"a\"},{\"page\":3,\"text\":\"c\"},{\"page\":4,\"text\":\"d\"}]");
    assert_json(json_object_get(json_array_get(json_object_get(document, "entries"), 0), "pages"), "[1,2]");
    assert_json(json_object_get(json_array_get(json_object_get(document, "entries"), 1), "pages"), "[3,4]");
    json_decref(p);
}

static void test_the_parent_of_several_entries_is_no_entry(void **state)
{
    (void)state;
    json_t *p = json_pack("{s:{}}", "documents"), *parent = record("a.pdf", 0, 1, 9);
    json_object_set_new(parent, "is_container_parent", json_true());
    add(p, parent, NULL);
    assert_json(p, "{\"documents\":{}}");
    json_decref(p);
}

static void test_a_hidden_or_bare_file_name_keeps_its_id(void **state)
{
    (void)state;
    json_t *p = json_pack("{s:{}}", "documents");
    add(p, record(".pdf", 0, 1, 1), NULL);
    add(p, record("scan", 0, 1, 1), NULL);
    assert_non_null(json_object_get(json_object_get(p, "documents"), ".pdf"));
    assert_non_null(json_object_get(json_object_get(p, "documents"), "scan"));
    json_decref(p);
}

static void assert_cell(const char *text, int width, const char *want)
{
    struct buf b = BUF_INIT;
    text_cell(&b, text, width);
    assert_string_equal(b.data, want);
    buf_done(&b);
}

static void test_cells_count_characters_and_show_no_control(void **state)
{
    (void)state;
    assert_cell("Ñandú", 7, "Ñandú  ");
    assert_cell("Ñandúes", 5, "Ñand…");
    assert_cell("a\033[31m\n\x7F", 0, "a?[31m??");
    assert_cell("\xC2\x9B"
                "31m",
                0, "?31m");
    assert_cell("a\x9B"
                "31m",
                5, "a\xEF\xBF\xBD"
                   "31m"); /* the same for a terminal that takes bytes for letters */
    assert_cell("a\xC3\xFF\x80", 0, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_cell(NULL, 3, "-  ");
    assert_cell("", 0, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_becomes_an_entry_in_the_measures_names),
        cmocka_unit_test(test_entries_and_pages_come_in_order_and_once),
        cmocka_unit_test(test_the_parent_of_several_entries_is_no_entry),
        cmocka_unit_test(test_a_hidden_or_bare_file_name_keeps_its_id),
        cmocka_unit_test(test_cells_count_characters_and_show_no_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
