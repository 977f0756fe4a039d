/* ocr-svc/triage: what is read again when not everything can be. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ocr-svc/triage.h"

static void test_everything_is_chosen_where_it_can_be_paid(void **state)
{
    (void)state;
    struct triage_piece p[] = {{100, 12, false}, {50, 2, false}, {50, 3, false}};
    triage(p, 3, 200);
    assert_true(p[0].chosen && p[1].chosen && p[2].chosen);
}

static void test_short_lines_come_before_long_ones_and_upper_ones_before_lower_ones(void **state)
{
    (void)state;
    struct triage_piece p[] = {{50, 14, false}, {50, 3, false}, {50, 14, false}, {50, 1, false}};
    triage(p, 4, 150);
    assert_true(p[0].chosen && p[1].chosen && p[3].chosen);
    assert_false(p[2].chosen);
}

static void test_what_does_not_fit_is_passed_over_for_what_does(void **state)
{
    (void)state;
    struct triage_piece p[] = {{500, 1, false}, {60, 4, true}, {60, 9, true}};
    triage(p, 3, 100);
    assert_false(p[0].chosen);
    assert_true(p[1].chosen);
    assert_false(p[2].chosen);
}

static void test_nothing_is_chosen_of_nothing(void **state)
{
    (void)state;
    triage(NULL, 0, 100);
}

static void test_a_line_costs_by_its_shape_and_a_paragraph_by_its_size(void **state)
{
    (void)state;
    double word = triage_cost(120, 40), line = triage_cost(1200, 40), paragraph = triage_cost(1200, 800);
    assert_true(line > 5 * word && line < 10 * word);
    assert_true(paragraph > 3 * line);
    assert_true(triage_cost(0, 0) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_chosen_where_it_can_be_paid),
        cmocka_unit_test(test_short_lines_come_before_long_ones_and_upper_ones_before_lower_ones),
        cmocka_unit_test(test_what_does_not_fit_is_passed_over_for_what_does),
        cmocka_unit_test(test_nothing_is_chosen_of_nothing),
        cmocka_unit_test(test_a_line_costs_by_its_shape_and_a_paragraph_by_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
