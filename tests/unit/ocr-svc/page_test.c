/* ocr-svc/page, page_order, page_json: words, lines, what is put out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/page.h"

static void add(struct page *p, const char *text, int left, int top, int right, int bottom)
{
    struct page_box box = {left, top, right, bottom};
    assert_int_equal(page_add_word(p, text, NULL, &box, 0.5, WORD_RECOGNISED, NULL), 0);
}

static json_t *as_json(const struct page *p)
{
    struct buf out = BUF_INIT;
    assert_int_equal(page_write_json(p, &out, NULL), 0);
    json_t *j = json_loads(out.data, 0, NULL);
    assert_non_null(j);
    buf_done(&out);
    return j;
}

static void assert_text(struct page *p, const char *want)
{
    assert_int_equal(page_set_reading_order(p, NULL), 0);
    json_t *j = as_json(p);
    assert_string_equal(json_string_value(json_object_get(j, "text")), want);
    json_decref(j);
}

static void test_order_words_of_a_row_read_from_left_to_right(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    add(&p, "two", 3000, 1000, 3500, 1200);
    add(&p, "one", 1000, 1010, 1500, 1210);
    add(&p, "below", 1000, 1300, 1500, 1500);
    assert_text(&p, "one two\nbelow");
    page_done(&p);
}

static void test_order_labels_side_by_side_come_before_the_values_below_them(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    add(&p, "Ana", 1000, 1250, 1500, 1400);
    add(&p, "Name", 1000, 1000, 1500, 1150);
    add(&p, "7th", 6000, 1250, 6500, 1400);
    add(&p, "Grade", 6000, 1000, 6500, 1150);
    assert_text(&p, "Name Grade\nAna 7th");
    page_done(&p);
}

static void test_order_slanted_line_stays_one_line(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    for (int i = 0; i < 9; i++) /* falls by more than its height from end to end */
        add(&p, "a", 1000 + i * 900, 1000 + i * 30, 1600 + i * 900, 1200 + i * 30);
    add(&p, "b", 1000, 1260, 1600, 1460);
    assert_text(&p, "a a a a a a a a a\nb");
    page_done(&p);
}

static void test_order_small_marks_do_not_move_their_line(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    add(&p, "Smith", 1000, 1000, 1500, 1200);
    add(&p, ",", 1510, 1170, 1530, 1230);
    add(&p, "Ana", 1600, 1000, 2000, 1200);
    assert_text(&p, "Smith , Ana");
    page_done(&p);
}

static void test_order_wide_gap_begins_a_new_block(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    add(&p, "a", 1000, 1000, 1500, 1200);
    add(&p, "b", 1000, 1300, 1500, 1500);
    add(&p, "c", 1000, 3000, 1500, 3200);
    assert_int_equal(page_set_reading_order(&p, NULL), 0);
    assert_int_equal(p.words[1].block, 0);
    assert_int_equal(p.words[2].block, 1);
    assert_int_equal(p.words[2].line, 2);
    page_done(&p);
}

static void test_box_is_put_in_order_and_clipped_to_the_page(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    add(&p, "x", 12000, 500, -3, 100);
    assert_int_equal(p.words[0].box.left, 0);
    assert_int_equal(p.words[0].box.right, PAGE_UNITS);
    assert_int_equal(p.words[0].box.top, 100);
    assert_int_equal(p.words[0].box.bottom, 500);
    page_done(&p);
}

static void test_word_empty_is_skipped(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    add(&p, "", 0, 0, 1, 1);
    assert_int_equal(p.n_words, 0);
    page_done(&p);
}

static void test_words_beyond_the_limit_are_refused_as_too_large(void **state)
{
    (void)state;
    struct page p;
    struct err err = {0};
    struct page_box box = {0, 0, 1, 1};
    page_init(&p, 1);
    for (int i = 0; i < PAGE_MAX_WORDS; i++) add(&p, "w", 0, 0, 1, 1);
    assert_int_equal(page_add_word(&p, "w", NULL, &box, 1, WORD_RECOGNISED, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.code, "page_too_large");
    page_done(&p);
}

static void test_json_has_what_the_stages_contract_asks_for(void **state)
{
    (void)state;
    struct page p;
    struct page_box box = {10, 20, 30, 40};
    page_init(&p, 3);
    p.width = 612, p.height = 792, p.source = PAGE_MIXED;
    assert_int_equal(page_add_word(&p, "A \"b\" \xff", "Name", &box, 1, WORD_FIELD, NULL), 0);
    json_t *j = as_json(&p);
    assert_int_equal(json_integer_value(json_object_get(j, "page")), 3);
    assert_string_equal(json_string_value(json_object_get(j, "source")), "mixed");
    assert_true(json_is_null(json_object_get(j, "failed")));
    assert_true(json_real_value(json_object_get(j, "ink")) == -1.0);
    json_t *w = json_array_get(json_object_get(j, "words"), 0);
    assert_string_equal(json_string_value(json_object_get(w, "f")), "Name");
    assert_string_equal(json_string_value(json_object_get(w, "s")), "f");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(w, "b"), 3)), 40);
    assert_string_equal(json_string_value(json_object_get(w, "t")), "A \"b\" \xEF\xBF\xBD");
    json_decref(j);
    page_done(&p);
}

/* Three degrees to the right, as a sheet lies in a scanner: the right end of a line is a line and a half lower. */
static void test_words_of_a_slanted_line_are_level_when_the_page_is_straight(void **state)
{
    (void)state;
    struct page page;
    const double slant = -3 * M_PI / 180;
    page_init(&page, 1);
    page.width = 612;
    page.height = 792;
    static const char *const texts[] = {"School", "Name", "Granite", "Ridge"};
    for (int i = 0; i < 4; i++) {
        /* where a word of the line at 3000 lies on the slanted page: turned the other way about the middle */
        double x = (1500 + 2000 * i - 5000) * 0.0612, y = (3000 - 5000) * 0.0792;
        int at_x = (int)lround((x * cos(slant) + y * sin(slant)) / 0.0612 + 5000);
        int at_y = (int)lround((y * cos(slant) - x * sin(slant)) / 0.0792 + 5000);
        struct page_box box = {at_x - 300, at_y - 60, at_x + 300, at_y + 60};
        assert_int_equal(page_add_word(&page, texts[i], NULL, &box, 1, WORD_RECOGNISED, NULL), 0);
    }
    assert_true(page.words[3].box.top - page.words[0].box.top > 200);
    page_straighten(&page, slant);
    for (int i = 0; i < 4; i++) {
        assert_true(abs(page.words[i].box.top - 2940) <= 2 && abs(page.words[i].box.bottom - 3060) <= 2);
        assert_true(abs(page.words[i].box.left - (1200 + 2000 * i)) <= 2);
    }
    assert_true(page.slant == slant);
    page_done(&page);
}

static void test_turned_box_comes_back_after_four_quarters(void **state)
{
    (void)state;
    struct page_box b = {100, 200, 300, 900}, t = b;
    for (int i = 0; i < 4; i++) t = page_box_turned(t, 90);
    assert_memory_equal(&b, &t, sizeof b);
    t = page_box_turned(page_box_turned(b, 90), 270);
    assert_memory_equal(&b, &t, sizeof b);
    t = page_box_turned(b, 90); /* the left edge becomes the top */
    assert_int_equal(t.top, 100);
    assert_int_equal(t.right, PAGE_UNITS - 200);
}

static void test_a_page_that_was_turned_twice_says_by_how_much_in_all(void **state)
{
    (void)state;
    struct page p = {.width = 600, .height = 800};
    page_turn(&p, 90);
    page_turn(&p, 180); /* it stood on its head then */
    assert_int_equal(p.rotation, 270);
    assert_true(p.width == 800 && p.height == 600);
}

static void test_confidence_counts_long_words_more(void **state)
{
    (void)state;
    struct page p;
    struct page_box box = {0, 0, 1, 1};
    page_init(&p, 1);
    assert_true(page_confidence(&p) == 0);
    page_add_word(&p, "aaa", NULL, &box, 1.0, WORD_RECOGNISED, NULL);
    page_add_word(&p, "b", NULL, &box, 0.0, WORD_RECOGNISED, NULL);
    assert_true(page_confidence(&p) == 0.75);
    page_done(&p);
}

/* ---- two readings ------------------------------------------------------------------------------------ */

static void read_as(struct page *p, const char *text, int left, int right, double confidence)
{
    struct page_box box = {left, 1000, right, 1200};
    assert_int_equal(page_add_word(p, text, NULL, &box, confidence, WORD_RECOGNISED, NULL), 0);
}

static void test_merge_word_read_twice_is_the_surer_reading(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    read_as(&p, "Ahe", 1000, 1500, 0.4);
    read_as(&p, "sun", 1600, 2100, 0.9);
    size_t first = p.n_words;
    read_as(&p, "the", 1010, 1490, 0.8);
    read_as(&p, "sum", 1610, 2110, 0.5);
    assert_int_equal(page_merge(&p, first, NULL), 0);
    assert_text(&p, "the sun");
    page_done(&p);
}

static void test_merge_one_word_against_two_is_judged_as_a_whole(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    read_as(&p, "D", 1000, 1200, 0.95);
    read_as(&p, "andeligh", 1250, 2000, 0.5);
    size_t first = p.n_words;
    read_as(&p, "Dandeligh", 1000, 2000, 0.8);
    assert_int_equal(page_merge(&p, first, NULL), 0);
    assert_text(&p, "Dandeligh");
    page_done(&p);
}

static void test_merge_word_that_one_reading_missed_stays_unless_it_is_a_guess(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    read_as(&p, "seen", 1000, 1500, 0.6);
    read_as(&p, "~", 1600, 1700, 0.1);
    size_t first = p.n_words;
    read_as(&p, "too", 2000, 2500, 0.7);
    read_as(&p, ";", 2600, 2700, 0.2);
    assert_int_equal(page_merge(&p, first, NULL), 0);
    assert_text(&p, "seen too");
    page_done(&p);
}

static void test_merge_neighbours_that_lean_over_each_other_both_stay(void **state)
{
    (void)state;
    struct page p;
    page_init(&p, 1);
    read_as(&p, "left", 1000, 1500, 0.9);
    size_t first = p.n_words;
    read_as(&p, "right", 1450, 2000, 0.5);
    assert_int_equal(page_merge(&p, first, NULL), 0);
    assert_text(&p, "left right");
    page_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_words_of_a_row_read_from_left_to_right),
        cmocka_unit_test(test_order_labels_side_by_side_come_before_the_values_below_them),
        cmocka_unit_test(test_order_slanted_line_stays_one_line),
        cmocka_unit_test(test_order_small_marks_do_not_move_their_line),
        cmocka_unit_test(test_order_wide_gap_begins_a_new_block),
        cmocka_unit_test(test_box_is_put_in_order_and_clipped_to_the_page),
        cmocka_unit_test(test_word_empty_is_skipped),
        cmocka_unit_test(test_words_beyond_the_limit_are_refused_as_too_large),
        cmocka_unit_test(test_json_has_what_the_stages_contract_asks_for),
        cmocka_unit_test(test_words_of_a_slanted_line_are_level_when_the_page_is_straight),
        cmocka_unit_test(test_turned_box_comes_back_after_four_quarters),
        cmocka_unit_test(test_a_page_that_was_turned_twice_says_by_how_much_in_all),
        cmocka_unit_test(test_confidence_counts_long_words_more),
        cmocka_unit_test(test_merge_word_read_twice_is_the_surer_reading),
        cmocka_unit_test(test_merge_one_word_against_two_is_judged_as_a_whole),
        cmocka_unit_test(test_merge_word_that_one_reading_missed_stays_unless_it_is_a_guess),
        cmocka_unit_test(test_merge_neighbours_that_lean_over_each_other_both_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
