/* What makes a value trusted, or doubted: by what was noticed while it was read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "llm-svc/trust.h"

static const struct form_field name_field = {.name = "student_name", .rule = FORM_NAME, .required = true};
static const struct form_field school_field = {.name = "school_name", .rule = FORM_SCHOOL, .required = true};
static const struct form_field grade_field = {.name = "grade", .rule = FORM_GRADE, .required = true};

/* What settings.def says records are reviewed below. */
#define REVIEW_BELOW 0.80

/* A value on a page of a plain hand, read surely. */
static struct value plain(const struct form_field *field)
{
    struct value value = {.field = field, .source = "ocr"};
    value.signs = (struct signs){.mean = 0.95, .least = 0.94, .page = 0.94, .shaky = 0.03, .label = 1, .letters = 14, .words = 2};
    if (field->rule == FORM_GRADE) value.signs.letters = value.signs.words = 1;
    return value;
}

static void test_a_plain_value_stands_without_review(void **state)
{
    (void)state;
    struct value name = plain(&name_field), school = plain(&school_field), grade = plain(&grade_field);
    name.signs.agrees = true;
    assert_true(trust_of(&name) > REVIEW_BELOW);
    assert_true(trust_of(&school) > REVIEW_BELOW);
    assert_true(trust_of(&grade) > REVIEW_BELOW);
}

static void test_readings_that_agreed_only_in_the_end_say_less_of_a_word_not_of_a_figure(void **state)
{
    (void)state;
    struct value once = plain(&name_field), again = once, grade = plain(&grade_field), figure = grade;
    again.signs.again = figure.signs.again = 1;
    assert_true(trust_of(&again) < trust_of(&once));
    assert_true(trust_of(&figure) == trust_of(&grade));
}

static void test_a_name_is_vouched_for_in_one_word_only(void **state)
{
    (void)state;
    struct value one = plain(&name_field), two = one;
    one.signs.agrees = two.signs.agrees = true;
    one.signs.unknown = 1; /* the family name, which another value has as well */
    two.signs.unknown = 2;
    struct value neither = two;
    neither.signs.agrees = false;
    double inputs[TRUST_N];
    trust_inputs(&two, inputs);
    assert_true(inputs[TRUST_rest] == 1);
    trust_inputs(&one, inputs);
    assert_true(inputs[TRUST_rest] == 0);
    assert_true(trust_of(&two) < trust_of(&one));
    trust_inputs(&neither, inputs);
    assert_true(inputs[TRUST_rest] == 0);
}

static void test_a_figure_with_a_twin_is_doubted_by_hand_unless_read_at_its_surest(void **state)
{
    (void)state;
    struct value hand = plain(&grade_field), print = hand, surest = hand, other = hand;
    hand.signs.twin = print.signs.twin = surest.signs.twin = true;
    print.signs.shaky = 0;
    surest.signs.least = surest.signs.mean = 0.97;
    assert_true(trust_of(&hand) < trust_of(&other));
    assert_true(trust_of(&hand) < trust_of(&print));
    assert_true(trust_of(&hand) < trust_of(&surest));
}

static void test_a_school_that_stands_beside_another_is_doubted(void **state)
{
    (void)state;
    struct value school = plain(&school_field), beside = school;
    beside.signs.beside = true;
    assert_true(trust_of(&beside) < trust_of(&school));
}

/* A hundred right ones of a hundred seen would not make the next one certain. */
static void test_nothing_recognised_is_told_as_certain_and_more_signs_of_trust_never_tell_less(void **state)
{
    (void)state;
    struct value value = plain(&school_field);
    value.signs.shaky = 0;
    double before = 0;
    for (int percent = 5; percent <= 100; percent++) {
        value.signs.least = value.signs.mean = percent / 100.0;
        double told = trust_of(&value);
        assert_true(told > 0 && told >= before && told < 0.999);
        before = told;
    }
}

static void test_what_was_not_recognised_is_as_sure_as_its_label(void **state)
{
    (void)state;
    struct value value = plain(&name_field);
    value.source = "text";
    assert_float_equal(trust_of(&value), 0.99, 1e-9);
    value.signs.label = 0.5;
    assert_float_equal(trust_of(&value), 0.495, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_value_stands_without_review),
        cmocka_unit_test(test_readings_that_agreed_only_in_the_end_say_less_of_a_word_not_of_a_figure),
        cmocka_unit_test(test_a_name_is_vouched_for_in_one_word_only),
        cmocka_unit_test(test_a_figure_with_a_twin_is_doubted_by_hand_unless_read_at_its_surest),
        cmocka_unit_test(test_a_school_that_stands_beside_another_is_doubted),
        cmocka_unit_test(test_nothing_recognised_is_told_as_certain_and_more_signs_of_trust_never_tell_less),
        cmocka_unit_test(test_what_was_not_recognised_is_as_sure_as_its_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
