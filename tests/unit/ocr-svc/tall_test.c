/* ocr-svc/tall: words whose boxes hold two lines, on masks that are drawn here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/tall.h"

/* 500 × 500 cells of 20 units; the page's words are 12 cells high. */
enum { SIDE = 500, CELL = PAGE_UNITS / SIDE, HIGH = 12 };

struct test {
    struct ink_map map;
    struct page page;
};

static void ink(struct test *t, int left, int top, int right, int bottom)
{
    for (int y = top; y < bottom; y++) memset(t->map.cells + y * SIDE + left, 1, (size_t)(right - left));
}

static struct page_word *word(struct test *t, int left, int top, int right, int bottom, double confidence)
{
    const struct page_box box = {left * CELL, top * CELL, right * CELL, bottom * CELL};
    assert_int_equal(page_add_word(&t->page, "word", NULL, &box, confidence, WORD_RECOGNISED, NULL), 0);
    return &t->page.words[t->page.n_words - 1];
}

/* Five words as high as others. */
static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof *t);
    t->map = (struct ink_map){SIDE, SIDE, calloc(SIDE, SIDE)};
    page_init(&t->page, 1);
    for (int x = 20; x < 420; x += 80) {
        ink(t, x, 20, x + 60, 20 + HIGH);
        (void)word(t, x, 20, x + 60, 20 + HIGH, 0.95);
    }
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    ink_map_done(&t->map);
    page_done(&t->page);
    free(t);
    return 0;
}

/* A small label at 100, its answer below it. */
static void two_lines(struct test *t)
{
    ink(t, 50, 100, 90, 105);
    ink(t, 50, 112, 130, 112 + HIGH);
}

static void test_a_word_over_a_label_and_its_answer_is_cut_down_to_the_answer(void **state)
{
    struct test *t = *state;
    two_lines(t);
    struct page_word *w = word(t, 50, 98, 130, 125, 0.94);
    assert_int_equal(tall_cut(&t->map, &t->page), 1);
    assert_int_equal(w->box.top, 112 * CELL);
    assert_int_equal(w->box.bottom, (112 + HIGH) * CELL);
    assert_int_equal(t->page.n_words, 6);
}

static void test_what_was_guessed_of_two_lines_is_neither_and_goes(void **state)
{
    struct test *t = *state;
    two_lines(t);
    (void)word(t, 50, 98, 130, 125, 0.3);
    assert_int_equal(tall_cut(&t->map, &t->page), 1);
    assert_int_equal(t->page.n_words, 5);
}

static void test_a_cells_border_beside_the_words_does_not_join_them(void **state)
{
    struct test *t = *state;
    two_lines(t);
    ink(t, 51, 90, 53, 130);
    (void)word(t, 50, 98, 130, 125, 0.94);
    assert_int_equal(tall_cut(&t->map, &t->page), 1);
}

static void test_an_accent_is_no_line(void **state)
{
    struct test *t = *state;
    ink(t, 60, 100, 64, 102);
    ink(t, 50, 106, 130, 106 + HIGH);
    (void)word(t, 50, 99, 130, 119, 0.94);
    assert_int_equal(tall_cut(&t->map, &t->page), 0);
}

static void test_a_word_written_large_stays_whole(void **state)
{
    struct test *t = *state;
    ink(t, 50, 100, 250, 130);
    (void)word(t, 50, 100, 250, 130, 0.94);
    assert_int_equal(tall_cut(&t->map, &t->page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_word_over_a_label_and_its_answer_is_cut_down_to_the_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_guessed_of_two_lines_is_neither_and_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_cells_border_beside_the_words_does_not_join_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_accent_is_no_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_word_written_large_stays_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
