#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/review.h"

static form_t *form;

static int open_form(void **state)
{
    (void)state;
    form = form_load(NULL, NULL);
    return form ? 0 : -1;
}

static int close_form(void **state)
{
    (void)state;
    form_destroy(&form);
    return 0;
}

#define GOOD "{\"student_name\":\"Ana Luz\",\"school_name\":\"Nube School\",\"grade\":\"5\"}"

static struct review_state good(void)
{
    return (struct review_state){.form = form, .word_count = 120, .review_below = 0.80};
}

/* Derives the codes of a state whose JSON parts are given as text, and compares. */
static void expect(struct review_state s, const char *values, const char *confidences, const char *observed,
                   const char *want, bool review)
{
    json_t *v = json_loads(values, 0, NULL), *c = json_loads(confidences, 0, NULL),
           *o = json_loads(observed, 0, NULL);
    s.values = v;
    s.confidences = c;
    s.observed = o;
    AUTO_FREE char *codes = NULL;
    bool needs = !review;
    assert_int_equal(review_codes(&s, &codes, &needs), 0);
    assert_string_equal(codes, want);
    assert_int_equal(needs, review);
    json_decref(v);
    json_decref(c);
    json_decref(o);
}

static void test_complete_record_has_no_code_and_needs_no_review(void **state)
{
    (void)state;
    expect(good(), GOOD, "{\"grade\":0.95}", "[]", "", false);
}

static void test_missing_required_fields_are_named_and_sorted(void **state)
{
    (void)state;
    expect(good(), "{\"grade\":null,\"school_name\":\"  \"}", "{}", "[]",
           "MISSING_GRADE;MISSING_SCHOOL_NAME;MISSING_STUDENT_NAME", true);
}

static void test_grade_outside_the_range_is_invalid_not_missing(void **state)
{
    (void)state;
    expect(good(), "{\"student_name\":\"Ana\",\"school_name\":\"Nube School\",\"grade\":\"13\"}", "{}", "[]",
           "INVALID_GRADE_RANGE", true);
}

static void test_essay_of_no_words_is_empty_and_of_49_is_short(void **state)
{
    (void)state;
    struct review_state s = good();
    s.word_count = 0;
    expect(s, GOOD, "{}", "[]", "EMPTY_ESSAY", true);
    s.word_count = 49;
    expect(s, GOOD, "{}", "[]", "SHORT_ESSAY", true);
    s.word_count = 50;
    expect(s, GOOD, "{}", "[]", "", false);
}

static void test_low_confidence_counts_for_required_fields_only(void **state)
{
    (void)state;
    expect(good(), GOOD, "{\"grade\":0.79}", "[]", "OCR_LOW_CONFIDENCE", true);
    expect(good(), GOOD, "{\"grade\":0.80,\"phone\":0.1}", "[]", "", false);
}

static void test_low_confidence_of_a_field_without_value_is_no_second_code(void **state)
{
    (void)state;
    expect(good(), "{\"student_name\":\"Ana\",\"school_name\":\"Nube School\"}", "{\"grade\":0.1}", "[]",
           "MISSING_GRADE", true);
}

static void test_name_equal_to_the_school_is_a_possible_swap(void **state)
{
    (void)state;
    expect(good(), "{\"student_name\":\"NUBE school\",\"school_name\":\"Nube School\",\"grade\":\"K\"}", "{}",
           "[]", "POSSIBLE_FIELD_SWAP", true);
}

static void test_observed_codes_are_taken_over_and_unknown_words_are_not(void **state)
{
    (void)state;
    expect(good(), GOOD, "{}", "[\"OCR_FAILED\",\"CONTENT_MISMATCH\",\"OCR_FAILED\",\"HELLO\",7]",
           "CONTENT_MISMATCH;OCR_FAILED", true);
}

static void test_approved_codes_need_no_review_and_new_ones_do(void **state)
{
    (void)state;
    struct review_state s = good();
    s.word_count = 10;
    s.approved_codes = "OCR_FAILED;SHORT_ESSAY";
    expect(s, GOOD, "{}", "[]", "SHORT_ESSAY", false);
    expect(s, GOOD, "{}", "[\"CONTENT_MISMATCH\"]", "CONTENT_MISMATCH;SHORT_ESSAY", true);
    s.approved_codes = "SHORT_ESSAYS;SHORT";
    expect(s, GOOD, "{}", "[]", "SHORT_ESSAY", true);
}

static void test_wish_for_review_is_kept(void **state)
{
    (void)state;
    struct review_state s = good();
    s.sent_for_review = true;
    expect(s, GOOD, "{}", "[]", "SENT_FOR_REVIEW", true);
}

static void test_nothing_at_all_is_a_record_with_codes(void **state)
{
    (void)state;
    struct review_state s = {.form = form, .review_below = 0.8};
    AUTO_FREE char *codes = NULL;
    bool needs = false;
    assert_int_equal(review_codes(&s, &codes, &needs), 0);
    assert_string_equal(codes, "EMPTY_ESSAY;MISSING_GRADE;MISSING_SCHOOL_NAME;MISSING_STUDENT_NAME");
    assert_true(needs);
    assert_false(review_can_approve(&s));
}

static void test_approving_needs_name_school_and_grade(void **state)
{
    (void)state;
    struct review_state s = good();
    json_t *v = json_loads(GOOD, 0, NULL);
    s.values = v;
    s.word_count = 0;
    assert_true(review_can_approve(&s));
    json_object_set_new(v, "grade", json_string(""));
    assert_false(review_can_approve(&s));
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_record_has_no_code_and_needs_no_review),
        cmocka_unit_test(test_missing_required_fields_are_named_and_sorted),
        cmocka_unit_test(test_grade_outside_the_range_is_invalid_not_missing),
        cmocka_unit_test(test_essay_of_no_words_is_empty_and_of_49_is_short),
        cmocka_unit_test(test_low_confidence_counts_for_required_fields_only),
        cmocka_unit_test(test_low_confidence_of_a_field_without_value_is_no_second_code),
        cmocka_unit_test(test_name_equal_to_the_school_is_a_possible_swap),
        cmocka_unit_test(test_observed_codes_are_taken_over_and_unknown_words_are_not),
        cmocka_unit_test(test_approved_codes_need_no_review_and_new_ones_do),
        cmocka_unit_test(test_wish_for_review_is_kept),
        cmocka_unit_test(test_nothing_at_all_is_a_record_with_codes),
        cmocka_unit_test(test_approving_needs_name_school_and_grade),
    };
    return cmocka_run_group_tests(tests, open_form, close_form);
}
