/* ocr-svc/fields: values of form fields become words. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "ocr-svc/fields.h"

static void begin(struct page *p)
{
    page_init(p, 1);
    p->width = p->height = 1000; /* a point is ten units */
}

static void drawn(struct page *p, const char *text, int left, int right)
{
    struct page_box box = {left, 1000, right, 1200};
    assert_int_equal(page_add_word(p, text, NULL, &box, 1, WORD_TEXT_LAYER, NULL), 0);
}

static const struct word_record line = {.left = 100, .top = 95, .right = 300, .bottom = 125, .is_field = 1};

static void test_value_that_is_drawn_as_it_is_takes_the_drawings_places(void **state)
{
    (void)state;
    struct page p;
    begin(&p);
    drawn(&p, "Ana", 1010, 1300);
    drawn(&p, "Luz", 1400, 1700);
    assert_int_equal(fields_add(&p, &line, "Ana  Luz\n", "Student", NULL), 0);
    assert_int_equal(p.n_words, 2);
    assert_int_equal(p.words[0].source, WORD_FIELD);
    assert_int_equal(p.words[1].box.left, 1400);
    assert_string_equal(page_word_field(&p, &p.words[1]), "Student");
    page_done(&p);
}

static void test_value_that_is_drawn_otherwise_replaces_the_drawing(void **state)
{
    (void)state;
    struct page p;
    begin(&p);
    drawn(&p, "Old", 1010, 1300);
    drawn(&p, "label", 100, 600);
    assert_int_equal(fields_add(&p, &line, "New Name", "Student", NULL), 0);
    assert_int_equal(p.n_words, 3);
    assert_string_equal(page_word_text(&p, &p.words[0]), "label");
    assert_string_equal(page_word_text(&p, &p.words[1]), "New");
    page_done(&p);
}

static void test_value_without_a_drawing_is_laid_out_inside_its_field(void **state)
{
    (void)state;
    struct page p;
    begin(&p);
    assert_int_equal(fields_add(&p, &line,
                                "a value longer than its field could ever show at its size of letters", "F",
                                NULL),
                     0);
    assert_int_equal(p.n_words, 14);
    for (size_t i = 0; i < p.n_words; i++) {
        assert_in_range(p.words[i].box.left, 1000, 3000);
        assert_in_range(p.words[i].box.right, 1000, 3000);
        if (i > 0) assert_true(p.words[i].box.left >= p.words[i - 1].box.right);
    }
    page_done(&p);
}

static void test_value_of_several_lines_is_wrapped_and_broken_where_it_says(void **state)
{
    (void)state;
    struct page p;
    struct word_record area = line;
    area.bottom = 300;
    area.multiline = 1;
    area.font_pt = 10;
    begin(&p);
    assert_int_equal(fields_add(&p, &area, "first\r\nsecond a-word-that-needs-a-line-of-its-own", "F", NULL),
                     0);
    assert_int_equal(p.n_words, 3);
    assert_true(p.words[1].box.top > p.words[0].box.top);
    assert_true(p.words[2].box.top > p.words[1].box.top);
    assert_int_equal(page_set_reading_order(&p, NULL), 0);
    assert_int_equal(p.words[2].line, 2);
    page_done(&p);
}

static void test_value_longer_than_its_field_shows_keeps_its_order(void **state)
{
    (void)state;
    struct page p;
    struct word_record area = line;
    struct buf essay = BUF_INIT;
    char word[16];
    area.multiline = 1;
    area.font_pt = 12; /* two lines of six words */
    for (int i = 0; i < 400; i++) buf_printf(&essay, "w%d%s", i, i % 50 == 49 ? "\n\n" : " ");
    begin(&p);
    assert_int_equal(fields_add(&p, &area, essay.data, "Essay", NULL), 0);
    assert_int_equal(page_set_reading_order(&p, NULL), 0);
    assert_int_equal(p.n_words, 400);
    for (int i = 0; i < 400; i++) {
        snprintf(word, sizeof word, "w%d", i);
        assert_string_equal(page_word_text(&p, &p.words[i]), word);
    }
    buf_done(&essay);
    page_done(&p);
}

static void test_what_stands_on_a_page_turns_with_it(void **state)
{
    (void)state;
    struct page p;
    begin(&p);
    p.width = 500, p.height = 1000;
    const struct word_record r = {.left = 60, .top = 80, .right = 120, .bottom = 160};
    for (int degrees = 0; degrees < 360; degrees += 90) {
        struct page_box before = fields_box(&p, &r), want = page_box_turned(before, degrees);
        struct page turned = {.width = degrees % 180 ? 1000 : 500, .height = degrees % 180 ? 500 : 1000};
        struct word_record at = fields_turned(&r, degrees, 500, 1000);
        struct page_box have = fields_box(&turned, &at);
        assert_memory_equal(&have, &want, sizeof want);
    }
    page_done(&p);
}

/* Bytes that no document would call a word; half a character would make no JSON of the page. */
static void test_value_without_end_is_cut_between_characters(void **state)
{
    (void)state;
    struct page p;
    struct buf endless = BUF_INIT;
    for (int i = 0; i < 400; i++) buf_puts(&endless, "ñ");
    begin(&p);
    assert_int_equal(fields_add(&p, &line, endless.data, "F", NULL), 0);
    assert_int_equal(p.n_words, 1);
    const char *word = page_word_text(&p, &p.words[0]);
    assert_int_equal(strlen(word), 510);
    assert_memory_equal(word, endless.data, 510);
    buf_done(&endless);
    page_done(&p);
}

static void test_field_outside_the_page_makes_no_nonsense(void **state)
{
    (void)state;
    struct page p;
    struct word_record wild = {.left = -1e30f, .top = 5, .right = 1e30f, .bottom = -7, .is_field = 1};
    begin(&p);
    assert_int_equal(fields_add(&p, &wild, "x y", "F", NULL), 0);
    for (size_t i = 0; i < p.n_words; i++) assert_in_range(p.words[i].box.right, 0, PAGE_UNITS);
    page_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_that_is_drawn_as_it_is_takes_the_drawings_places),
        cmocka_unit_test(test_value_that_is_drawn_otherwise_replaces_the_drawing),
        cmocka_unit_test(test_value_without_a_drawing_is_laid_out_inside_its_field),
        cmocka_unit_test(test_value_of_several_lines_is_wrapped_and_broken_where_it_says),
        cmocka_unit_test(test_value_longer_than_its_field_shows_keeps_its_order),
        cmocka_unit_test(test_what_stands_on_a_page_turns_with_it),
        cmocka_unit_test(test_value_without_end_is_cut_between_characters),
        cmocka_unit_test(test_field_outside_the_page_makes_no_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
