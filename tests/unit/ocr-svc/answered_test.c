/* ocr-svc/answered: which pages of text say all that the form asks, so that they need no look. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "ocr-svc/answered.h"

enum { WORDS = 400, LETTER = 6, HIGH = 10 };

static form_t *form;
static vocabulary_t *vocabulary;

static int load(void **state)
{
    (void)state;
    form = form_load(NULL, NULL);
    vocabulary = form ? vocabulary_new(form, NULL) : NULL;
    return vocabulary ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    vocabulary_destroy(&vocabulary);
    form_destroy(&form);
    return 0;
}

struct layer {
    struct words_header head;
    struct word_record words[WORDS];
    char texts[WORDS * 12];
    struct decode_words view;
};

/* The words of `text`, which begins at x, y; six points a letter and a space. */
static void put(struct layer *l, float x, float y, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, " ");
        if (n) {
            assert_true(l->head.n < WORDS && l->head.texts + n + 1 <= sizeof l->texts);
            l->words[l->head.n++] = (struct word_record){
                .left = x, .top = y, .right = x + (float)n * LETTER, .bottom = y + HIGH, .text = l->head.texts};
            memcpy(l->texts + l->head.texts, text, n);
            l->head.texts += (uint32_t)n + 1;
        }
        x += ((float)n + 1) * LETTER;
        text += n + (text[n] == ' ');
    }
}

static struct layer page;
static struct layer *blank_page(void)
{
    memset(&page, 0, sizeof page);
    page.head = (struct words_header){.width_pt = 612, .height_pt = 792, .texts = 1};
    page.view = (struct decode_words){.head = &page.head, .words = page.words, .texts = page.texts};
    return &page;
}

static bool answered(struct layer *l)
{
    return answered_by_text(vocabulary, &l->view);
}

static void rows(struct layer *l, float y, int n, float pitch)
{
    for (int i = 0; i < n; i++) put(l, 54, y + pitch * (float)i, "He gets up before the sun and makes breakfast for us");
}

static void test_each_label_has_its_answer_beside_it(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 50, "My Father, My Hero Essay Contest");
    put(l, 54, 80, "Student's Name: Ana Rivermoon");
    put(l, 54, 96, "School Name: Willow Bend School");
    put(l, 54, 112, "Grade: 4");
    assert_true(answered(l));
}

static void test_one_label_without_an_answer_leaves_the_page_open(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Student's Name: Ana Rivermoon");
    put(l, 54, 96, "School Name:");
    put(l, 54, 112, "Grade: 4");
    assert_false(answered(l));
}

static void test_lines_to_write_on_are_no_answer(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Student's Name: ______________");
    put(l, 54, 96, "Grade: ..........");
    assert_false(answered(l));
}

static void test_answers_stand_below_their_labels(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Student Name / Nombre del Estudiante");
    put(l, 400, 80, "Grade / Grado");
    put(l, 60, 98, "Ana Rivermoon");
    assert_false(answered(l));
    put(l, 406, 98, "9th grade");
    assert_true(answered(l));
}

static void test_an_answer_beside_the_next_label_is_none_of_the_label_above(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Name:");
    put(l, 54, 96, "School Name: Willow Bend School");
    assert_false(answered(l));
}

static void test_a_label_in_two_languages_one_below_the_other_is_one_question(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Student Name");
    put(l, 54, 92, "Nombre del Estudiante");
    assert_false(answered(l));
    put(l, 54, 108, "Ana Rivermoon");
    assert_true(answered(l));
}

static void test_the_value_of_a_field_and_a_note_are_answers(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Student's Name:");
    put(l, 54, 96, "Grade:");
    put(l, 160, 80, "Ana");
    put(l, 160, 96, "4");
    l->words[l->head.n - 2].is_field = 1;
    l->words[l->head.n - 1].is_note = 1;
    assert_true(answered(l));
}

static void test_a_tick_is_the_answer_of_a_field(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Student's Name:");
    put(l, 160, 80, "--");
    assert_false(answered(l));
    l->words[l->head.n - 1].is_field = 1;
    assert_true(answered(l));
}

static void test_a_heading_with_instructions_alone_waits_for_its_essay(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "My Essay");
    rows(l, 100, 2, 14);
    assert_false(answered(l));
    rows(l, 128, 4, 14);
    assert_true(answered(l));
}

static void test_words_of_a_label_within_a_sentence_ask_nothing(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 60, "My Essay");
    rows(l, 80, 5, 14);
    put(l, 54, 150, "and on the way home he asks about my school");
    assert_true(answered(l));
}

static void test_prose_from_top_to_bottom_asks_nothing(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    rows(l, 60, 30, 20);
    assert_true(answered(l));
}

static void test_prose_that_leaves_most_of_the_page_free_may_be_instructions(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    rows(l, 60, 6, 14);
    assert_false(answered(l));
}

static void test_a_form_that_is_not_known_is_open(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    for (int i = 0; i < 30; i++) put(l, 54, (float)(60 + 20 * i), "Blood pressure:");
    assert_false(answered(l));
}

static void test_a_page_on_its_side_is_open(void **state)
{
    (void)state;
    struct layer *l = blank_page();
    put(l, 54, 80, "Grade: 4");
    assert_true(answered(l));
    l->head.turn = 90;
    assert_false(answered(l));
}

static void test_a_page_without_words_is_open(void **state)
{
    (void)state;
    assert_false(answered(blank_page()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_label_has_its_answer_beside_it),
        cmocka_unit_test(test_one_label_without_an_answer_leaves_the_page_open),
        cmocka_unit_test(test_lines_to_write_on_are_no_answer),
        cmocka_unit_test(test_answers_stand_below_their_labels),
        cmocka_unit_test(test_an_answer_beside_the_next_label_is_none_of_the_label_above),
        cmocka_unit_test(test_a_label_in_two_languages_one_below_the_other_is_one_question),
        cmocka_unit_test(test_the_value_of_a_field_and_a_note_are_answers),
        cmocka_unit_test(test_a_tick_is_the_answer_of_a_field),
        cmocka_unit_test(test_a_heading_with_instructions_alone_waits_for_its_essay),
        cmocka_unit_test(test_words_of_a_label_within_a_sentence_ask_nothing),
        cmocka_unit_test(test_prose_from_top_to_bottom_asks_nothing),
        cmocka_unit_test(test_prose_that_leaves_most_of_the_page_free_may_be_instructions),
        cmocka_unit_test(test_a_form_that_is_not_known_is_open),
        cmocka_unit_test(test_a_page_on_its_side_is_open),
        cmocka_unit_test(test_a_page_without_words_is_open),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
