/* Misread signs in answers of a known shape are put right, where they can only have been one thing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "lib/auto.h"
#include "llm-svc/repair.h"

static void expect(enum form_rule rule, const char *text, const char *want)
{
    static const char *const names[] = {"benicio soler", "ana de la zamorrano", NULL};
    AUTO_FREE char *have = rule == FORM_EMAIL ? repair_address(text, names) : repair_text(rule, text);
    if (!want && have) fail_msg("\"%s\" became \"%s\"", text, have);
    if (want && !have) fail_msg("\"%s\" became nothing, not \"%s\"", text, want);
    if (want) assert_string_equal(have, want);
}

static void test_a_grades_digit_read_as_a_letter_is_told_by_its_ending(void **state)
{
    (void)state;
    expect(FORM_GRADE, "Sth", "5");
    expect(FORM_GRADE, "74h", "7");
    expect(FORM_GRADE, "31d", "3");
    expect(FORM_GRADE, "Ind grade", "2");
    expect(FORM_GRADE, "Lst", "1");
    expect(FORM_GRADE, "Bvo", "8");
    expect(FORM_GRADE, "l2th", "12");
    expect(FORM_GRADE, "3YO", "3");
    expect(FORM_GRADE, "18t", "1");
    expect(FORM_GRADE, "Uto", "4");
    expect(FORM_GRADE, "Aro", "1");
    expect(FORM_GRADE, "Ire", "1");
    expect(FORM_GRADE, "Oto", "6");
    expect(FORM_GRADE, "3th", "8");
    expect(FORM_GRADE, "2th", NULL);
}

static void test_the_second_sign_of_an_ordinal_tells_ten_eleven_and_twelve(void **state)
{
    (void)state;
    expect(FORM_GRADE, "\xC2\xA1Oth", "10");
    expect(FORM_GRADE, "4oth grade", "10");
    expect(FORM_GRADE, "Ith grade", "11"); /* no 1 ends so: there were two strokes */
    expect(FORM_GRADE, "Bro", "3");        /* 1 or 3, and hardly a 1 */
}

static void test_a_degree_sign_read_as_a_digit_makes_no_grade_above_twelve(void **state)
{
    (void)state;
    expect(FORM_GRADE, "102", "10");
    expect(FORM_GRADE, "119", "11");
    expect(FORM_GRADE, "70", "7");
    expect(FORM_GRADE, "77", NULL);
    expect(FORM_GRADE, "134", NULL);
}

static void test_there_is_no_grade_seventeen(void **state)
{
    (void)state;
    expect(FORM_GRADE, "17\xC2\xB0", "11");
    expect(FORM_GRADE, "174n", "11");
    expect(FORM_GRADE, "Grade 17", "11");
    expect(FORM_GRADE, "7th", "7");
    expect(FORM_GRADE, "27", NULL);
    expect(FORM_GRADE, "717", NULL);
}

static void test_a_degree_sign_before_the_word_grade_may_be_any_small_sign(void **state)
{
    (void)state;
    expect(FORM_GRADE, "72 grado", "7");
    expect(FORM_GRADE, "7s grado", "7");
    expect(FORM_GRADE, "6E grado", "6");
    expect(FORM_GRADE, "7s", NULL);
    expect(FORM_GRADE, "72 mangos", NULL);
    expect(FORM_GRADE, "74 grado", NULL); /* a 4 is not round: two digits */
}

static void test_a_spelled_grade_may_have_letters_wrong_or_fall_in_pieces(void **state)
{
    (void)state;
    expect(FORM_GRADE, "Seg unde", "segundo");
    expect(FORM_GRADE, "Sevenfh", "seventh");
    expect(FORM_GRADE, "seconds thoughts", NULL);
}

static void test_a_grade_with_its_word_misread_is_still_a_grade(void **state)
{
    (void)state;
    expect(FORM_GRADE, "G arado", "6");
    expect(FORM_GRADE, "3rd gr 0d \xE2\x82\xAC", "3");
    expect(FORM_GRADE, "Gcade S", "5");
}

static void test_an_ordinal_with_a_stray_sign_beside_it_is_that_grade(void **state)
{
    (void)state;
    expect(FORM_GRADE, "3rdt", "3");
    expect(FORM_GRADE, "1 10th", "10"); /* a cell's border */
    expect(FORM_GRADE, "| 2do", "2");
    expect(FORM_GRADE, "I 4th grade", "4");
    expect(FORM_GRADE, "8us", "8");
    expect(FORM_GRADE, "1 1th", NULL); /* an 11th with a gap in it, or not: nobody knows */
    expect(FORM_GRADE, "1 2th", NULL);
    expect(FORM_GRADE, "2 10th", NULL);
    expect(FORM_GRADE, "3rdten", NULL);
    expect(FORM_GRADE, "4rds", NULL); /* no ordinal */
}

static void test_a_grade_that_may_be_two_is_none(void **state)
{
    (void)state;
    expect(FORM_GRADE, "ath grade", NULL); /* an a may have been a 4 or a 9 */
    expect(FORM_GRADE, "q", NULL);
    expect(FORM_GRADE, "sth", NULL); /* a 5 or an 8; the large S is a 5 */
    expect(FORM_GRADE, "sto", "5");  /* no 8 ends so */
    expect(FORM_GRADE, "5nd", NULL); /* the digit and its ending disagree */
    expect(FORM_GRADE, "arado", NULL);
    expect(FORM_GRADE, "Ana Luz", NULL);
    expect(FORM_GRADE, "", NULL);
}

static void test_a_telephone_number_keeps_its_ten_places(void **state)
{
    (void)state;
    expect(FORM_PHONE, "(217) SSS-0] q]", "2175550191");
    expect(FORM_PHONE, "+1 4l5 sss-0123", "4155550123");
    expect(FORM_PHONE, "$12.555: 0I27", "5125550127");
    expect(FORM_PHONE, "+7 512 555 0177", "5125550177"); /* a 7 for the country's 1 */
    expect(FORM_PHONE, "+1 602 555 069", NULL);           /* a place was lost */
    expect(FORM_PHONE, "(312) 555-016", NULL);
    expect(FORM_PHONE, "call the school", NULL);
    expect(FORM_PHONE, "SoS lIl oOoO", NULL); /* ten places, but hardly a digit */
}

static void test_an_at_sign_read_as_a_capital_is_found_when_there_is_one(void **state)
{
    (void)state;
    expect(FORM_EMAIL, "ana.ruizQmail.example.net", "ana.ruiz@mail.example.net");
    expect(FORM_EMAIL, "ana.ruizCexample com.", "ana.ruiz@example.com");
    expect(FORM_EMAIL,
           "ana.ruiz\xC2\xA9"
           "example.org",
           "ana.ruiz@example.org");
    expect(FORM_EMAIL, "anaQruizQexample.org", NULL);
    expect(FORM_EMAIL, "anaruizexample.org", NULL);
}

static void test_the_end_of_an_address_is_read_as_one_that_there_is(void **state)
{
    (void)state;
    expect(FORM_EMAIL, "ana@example.con", "ana@example.com");
    expect(FORM_EMAIL, "ana@example,orq", "ana@example.org");
    expect(FORM_EMAIL, "ana @ example com", "ana@example.com");
}

static void test_an_at_sign_read_as_two_signs_is_one(void **state)
{
    (void)state;
    expect(FORM_EMAIL, "ana.ruizS6(Dexample.net", "ana.ruiz56@example.net");
    expect(FORM_EMAIL, "ANA.RUIZ (DEXAMPLE.NET", "ana.ruiz@example.net");
}

static void test_an_at_sign_read_as_a_small_letter_comes_behind_digits_or_a_name(void **state)
{
    (void)state;
    expect(FORM_EMAIL, "a.ruiz28eexample.org", "a.ruiz28@example.org");
    expect(FORM_EMAIL, "aruiz308mail.example.net", "aruiz30@mail.example.net");
    expect(FORM_EMAIL, "ruiz_benicioeexample.edu", "ruiz_benicio@example.edu");
    expect(FORM_EMAIL, "b.zamorranoemail.example.net", "b.zamorrano@mail.example.net");
    expect(FORM_EMAIL, "ruiz_beniciohexample.edu", NULL); /* nothing there is round */
    expect(FORM_EMAIL, "ruiz28e", NULL);
}

static void test_stops_dashes_and_accents_of_an_address_are_those_it_can_have(void **state)
{
    (void)state;
    expect(FORM_EMAIL, "ana@examplenet", "ana@example.net");
    expect(FORM_EMAIL, "ana@example Lom", "ana@example.com");
    expect(FORM_EMAIL, "ruiz\xE2\x80\x94" "ana@example.org", "ruiz_ana@example.org");
    expect(FORM_EMAIL, "pe\xC3\xB1\x61@example.org", "pena@example.org");
    expect(FORM_EMAIL, "ana@example.museum", "ana@example.museum");
}

static void test_names_and_schools_are_not_repaired(void **state)
{
    (void)state;
    expect(FORM_NAME, "Ana Lu2", NULL);
    expect(FORM_SCHOOL, "K-8 Schoo1", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_grades_digit_read_as_a_letter_is_told_by_its_ending),
        cmocka_unit_test(test_the_second_sign_of_an_ordinal_tells_ten_eleven_and_twelve),
        cmocka_unit_test(test_a_degree_sign_read_as_a_digit_makes_no_grade_above_twelve),
        cmocka_unit_test(test_there_is_no_grade_seventeen),
        cmocka_unit_test(test_a_degree_sign_before_the_word_grade_may_be_any_small_sign),
        cmocka_unit_test(test_a_spelled_grade_may_have_letters_wrong_or_fall_in_pieces),
        cmocka_unit_test(test_a_grade_with_its_word_misread_is_still_a_grade),
        cmocka_unit_test(test_an_ordinal_with_a_stray_sign_beside_it_is_that_grade),
        cmocka_unit_test(test_a_grade_that_may_be_two_is_none),
        cmocka_unit_test(test_a_telephone_number_keeps_its_ten_places),
        cmocka_unit_test(test_an_at_sign_read_as_a_capital_is_found_when_there_is_one),
        cmocka_unit_test(test_the_end_of_an_address_is_read_as_one_that_there_is),
        cmocka_unit_test(test_an_at_sign_read_as_two_signs_is_one),
        cmocka_unit_test(test_an_at_sign_read_as_a_small_letter_comes_behind_digits_or_a_name),
        cmocka_unit_test(test_stops_dashes_and_accents_of_an_address_are_those_it_can_have),
        cmocka_unit_test(test_names_and_schools_are_not_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
