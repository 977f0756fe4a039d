/* A model's values against the words of the paper. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/buf.h"
#include "llm-svc/ground.h"
#include "llm-svc/pages.h"

static form_t *form;
static vocabulary_t *vocabulary;
static struct page pages[2];
static struct face faces[2];

/* A page of lines, each word with a box of its own. */
static void make_page(struct page *page, int number, const char *const *lines)
{
    struct buf json = BUF_INIT;
    buf_printf(&json, "{\"page\":%d,\"width\":612,\"height\":792,\"source\":\"ocr\",\"words\":[", number);
    bool first = true;
    for (int l = 0; lines[l]; l++) {
        int x = 500;
        for (const char *at = lines[l]; *at;) {
            int len = (int)strcspn(at, " ");
            buf_printf(&json, "%s{\"t\":\"%.*s\",\"b\":[%d,%d,%d,%d],\"c\":0.9,\"l\":%d,\"k\":0,\"s\":\"o\"}", first ? "" : ",", len, at, x,
                       500 + l * 300, x + len * 110, 700 + l * 300, l);
            x += (len + 1) * 110;
            first = false;
            at += len + (at[len] == ' ');
        }
    }
    buf_puts(&json, "]}");
    struct err err = {0};
    if (page_parse(json.data, json.len, page, &err) == -1) fail_msg("%s", err.text);
    buf_done(&json);
}

static int set_up(void **state)
{
    (void)state;
    static const char *const filled[] = {"Essay Contest Entry Form", "Student Name: Ana Luz Rivermoon", "School: Lincon Elementary School",
                                         "Grade: 5th Phone: (217) 555-0129", "Essay", "My teacher Bruno Oakfeather is in room 12 and he",
                                         "says that I should be in grade 9 soon so I work", NULL};
    static const char *const plain[] = {"written by Celia Stonewell of Willow Bend School", NULL};
    form = form_load(NULL, NULL);
    vocabulary = vocabulary_new(form, NULL);
    make_page(&pages[0], 1, filled);
    make_page(&pages[1], 2, plain);
    for (int i = 0; i < 2; i++) assert_int_equal(face_read(vocabulary, &pages[i], &faces[i], NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        face_done(&faces[i]);
        page_done(&pages[i]);
    }
    vocabulary_destroy(&vocabulary);
    form_destroy(&form);
    return 0;
}

static int claim(const char *field, const char *value, const char *quote, int page, struct value *out)
{
    struct claim c = {.field = form_find(form, field), .value = value, .quote = quote, .page = page};
    *out = (struct value){0};
    return ground_claim(form, faces, 2, &c, out, NULL);
}

static void test_a_value_whose_quote_stands_there_is_taken_with_its_words(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(claim("student_name", "Ana Luz Rivermoon", "Student Name: Ana Luz Rivermoon", 1, &v), 1);
    assert_string_equal(v.text, "Ana Luz Rivermoon");
    assert_int_equal(v.page, 1);
    assert_int_equal(v.n_words, 3);
    assert_string_equal(pages[0].words[v.words[0]].text, "Ana");
    assert_int_equal(v.box[0], pages[0].words[v.words[0]].raw_box[0]);
    assert_int_equal(v.box[2], pages[0].words[v.words[2]].raw_box[2]);
    assert_float_equal(v.confidence, 0.81, 0.001);
    assert_string_equal(v.source, "ocr");
    value_done(&v);
}

static void test_a_value_is_told_in_the_forms_notation_by_what_stands_there(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(claim("grade", "5", "Grade: 5th", 1, &v), 1);
    assert_string_equal(v.text, "5");
    assert_string_equal(v.raw, "5th");
    value_done(&v);
    assert_int_equal(claim("phone", "217-555-0129", "(217) 555-0129", 1, &v), 1);
    assert_int_equal(v.n_words, 2);
    value_done(&v);
}

static void test_a_misread_letter_may_be_put_right_and_is_trusted_less(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(claim("school_name", "Lincoln Elementary School", "Lincon Elementary School", 1, &v), 1);
    assert_string_equal(v.text, "Lincoln Elementary School");
    assert_string_equal(v.raw, "Lincon Elementary School");
    assert_true(v.confidence < 0.7);
    value_done(&v);
}

static void test_what_the_paper_does_not_say_is_not_taken(void **state)
{
    (void)state;
    static const struct {
        const char *field, *value, *quote;
    } rows[] = {
        {"student_name", "Hugo Brightwater", "Hugo Brightwater"},           /* made up */
        {"student_name", "Hugo Brightwater", "Ana Luz Rivermoon"},          /* a true quote for another value */
        {"grade", "6", "Grade: 5th"},                                      /* a digit is never "nearly right" */
        {"grade", "Z", "5th"},                                             /* the form's rule refuses it */
        {"phone", "(217) 555-0128", "(217) 555-0129"},
        {"teacher_name", "Student Name", "Student Name"},                  /* the form's own print */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct value v;
        int rc = claim(rows[i].field, rows[i].value, rows[i].quote, 1, &v);
        if (rc != 0) fail_msg("row %zu: \"%s\" was taken", i, v.text);
    }
}

static void test_the_essay_gives_no_value_whatever_it_says(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(claim("grade", "9", "grade 9", 1, &v), 0);
    assert_int_equal(claim("grade", "9", "I should be in grade 9 soon", 1, &v), 0);
    assert_int_equal(claim("teacher_name", "Bruno Oakfeather", "My teacher Bruno Oakfeather", 1, &v), 0);
}

static void test_a_short_quote_must_be_whole_words(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(claim("grade", "2", "2", 1, &v), 0); /* of 217 */
    assert_int_equal(claim("grade", "5", "5th", 1, &v), 1);
    value_done(&v);
}

static void test_a_wrong_page_number_is_forgiven_when_the_quote_stands_elsewhere_in_the_entry(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(claim("grade", "5", "Grade: 5th", 2, &v), 1);
    assert_int_equal(v.page, 1);
    value_done(&v);
}

static void test_a_page_without_labels_gives_values_that_go_before_a_person(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(claim("student_name", "Celia Stonewell", "Celia Stonewell", 2, &v), 1);
    assert_true(v.confidence < 0.8);
    value_done(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_whose_quote_stands_there_is_taken_with_its_words),
        cmocka_unit_test(test_a_value_is_told_in_the_forms_notation_by_what_stands_there),
        cmocka_unit_test(test_a_misread_letter_may_be_put_right_and_is_trusted_less),
        cmocka_unit_test(test_what_the_paper_does_not_say_is_not_taken),
        cmocka_unit_test(test_the_essay_gives_no_value_whatever_it_says),
        cmocka_unit_test(test_a_short_quote_must_be_whole_words),
        cmocka_unit_test(test_a_wrong_page_number_is_forgiven_when_the_quote_stands_elsewhere_in_the_entry),
        cmocka_unit_test(test_a_page_without_labels_gives_values_that_go_before_a_person),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
