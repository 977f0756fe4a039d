/* Pages of recognised words become answers: which words are a label, which an answer, and what it says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "page_lines.h"

static void read_page(const char *const *lines, struct entry *entry)
{
    entry_of_lines(lines, 'o', entry);
}

static void test_an_answer_that_repeats_its_label_is_an_answer(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Estudiante", "800 1200 Ana Soler", "800 1500 Grado",
                                    "800 1700 3 grado", "800 2000 Escuela", "800 2200 Escuela Monte Rosa",
                                    NULL},
              &entry);
    assert_string_equal(text_in(&entry, "grade"), "3");
    assert_string_equal(text_in(&entry, "school_name"), "Escuela Monte Rosa");
    entry_done(&entry);
}

static void test_an_answer_that_repeats_its_label_behind_a_cells_border_is_whole(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Nombre de la Escuela", "3260 1000 ) Escuela Monte Rosa", "800 1300 Grado", "3260 1300 4", NULL}, &entry);
    assert_string_equal(text_in(&entry, "school_name"), "Escuela Monte Rosa");
    entry_done(&entry);
    read_page((const char *const[]){"800 1000 School Name / Escuela: Monte Rosa School", NULL}, &entry);
    assert_string_equal(text_in(&entry, "school_name"), "Monte Rosa School");
    entry_done(&entry);
}

static void test_a_misread_grade_in_two_columns_takes_nothing_from_its_neighbour(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Grade:", "5000 1000 Teacher:", "800 1200 G arado",
                                    "5000 1200 Mr. Fernwood", NULL},
              &entry);
    assert_string_equal(text_in(&entry, "grade"), "6");
    assert_string_equal(text_in(&entry, "teacher_name"), "Mr. Fernwood");
    entry_done(&entry);
}

static void test_an_answer_that_floats_above_its_label_is_its_answer(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Grade:", "1700 910 1", "800 1500 Teacher: Mr. Fernwood", NULL}, &entry);
    assert_string_equal(text_in(&entry, "grade"), "1");
    entry_done(&entry);
}

static void test_a_field_that_stands_on_a_page_twice_says_its_value_once(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Anaf:StudentName Lanf:StudentName Lanf:StudentName", "800 8000 Signed:",
                                    "1800 8000 Anaf:StudentName Lanf:StudentName Lanf:StudentName", NULL}, &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Lan Lan");
    entry_done(&entry);
    read_page((const char *const[]){"800 1000 Lanf:StudentName Lanf:StudentName", NULL}, &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Lan Lan");
    entry_done(&entry);
}

static void read_two_forms(const char *second_name, struct entry *entry)
{
    char name[80];
    snprintf(name, sizeof name, "800 6000 Student's Name: %s", second_name);
    read_page((const char *const[]){"800 1000 Student's Name: Ana Soler", "800 1300 School Name: Monte Rosa School", "800 1600 Grade: 3", name,
                                    "800 6300 School Name: Monte Rosa School", "800 6600 Grade: 3", NULL}, entry);
}

static void test_two_students_on_one_page_are_put_before_a_person(void **state)
{
    (void)state;
    struct entry two, one;
    read_two_forms("Bruno Vega", &two);
    read_two_forms("Ana Soler", &one);
    assert_string_equal(text_in(&two, "student_name"), "Ana Soler");
    assert_true(two.observed & OBSERVED_CONTENT_MISMATCH);
    assert_false(one.observed & OBSERVED_CONTENT_MISMATCH);
    entry_done(&two);
    entry_done(&one);
}

static void test_what_was_typed_is_not_mended_as_what_was_recognised_is(void **state)
{
    (void)state;
    struct entry entry;
    entry_of_lines((const char *const[]){"800 1000 Student: Ljubica ~bint Lwin", "800 1300 School: Escuela ~primaria 7Hills", "800 1600 Grade: A",
                                         "800 1900 Teacher: ICara", NULL}, 't', &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ljubica bint Lwin");
    assert_string_equal(text_in(&entry, "school_name"), "Escuela primaria 7Hills");
    assert_string_equal(text_in(&entry, "grade"), "");
    assert_string_equal(text_in(&entry, "teacher_name"), "ICara");
    entry_done(&entry);
    entry_of_lines((const char *const[]){"800 1000 Grade: 20", NULL}, 't', &entry);
    assert_string_equal(text_in(&entry, "grade"), "20"); /* for the review to say that it is none */
    entry_done(&entry);
}

static double confidence(const struct entry *entry, const char *field)
{
    const struct value *value = value_in(entry, field);
    return value ? value->confidence : -1;
}

static void test_a_grade_whose_digit_was_read_as_another_sign_is_doubted(void **state)
{
    (void)state;
    struct entry sure, letter, mark;
    read_page((const char *const[]){"800 1000 Grade: 5th grade", NULL}, &sure);
    read_page((const char *const[]){"800 1000 Grade: Sth grade", NULL}, &letter);
    read_page((const char *const[]){"800 1000 Grade: Grade 1!", NULL}, &mark);
    assert_string_equal(text_in(&letter, "grade"), "5");
    assert_string_equal(text_in(&mark, "grade"), "11");
    assert_true(confidence(&letter, "grade") < confidence(&sure, "grade"));
    assert_true(confidence(&mark, "grade") < confidence(&sure, "grade"));
    entry_done(&sure);
    entry_done(&letter);
    entry_done(&mark);
}

static bool has_twin(const char *line, const char *grade)
{
    struct entry entry;
    read_page((const char *const[]){line, NULL}, &entry);
    assert_string_equal(text_in(&entry, "grade"), grade);
    bool twin = value_in(&entry, "grade")->signs.twin;
    entry_done(&entry);
    return twin;
}

static void test_a_small_s_with_the_ending_of_two_grades_may_be_either(void **state)
{
    (void)state;
    assert_true(has_twin("800 1000 Grade: sth grade", "5"));
    assert_false(has_twin("800 1000 Grade: Sth grade", "5"));
    assert_false(has_twin("800 1000 Grade: 5th grade", "5"));
    assert_false(has_twin("800 1000 Grado: sto grado", "5"));
}

static void test_a_figure_that_is_read_for_others_is_doubted_where_no_ending_says_more(void **state)
{
    (void)state;
    assert_true(has_twin("800 1000 Grade: 3", "3"));
    assert_true(has_twin("800 1000 Grade: Grade 7", "7"));
    assert_false(has_twin("800 1000 Grade: 8", "8"));
    assert_false(has_twin("800 1000 Grade: 3rd", "3"));
    assert_false(has_twin("800 1000 Grade: 4to grado", "4"));
    assert_false(has_twin("800 1000 Grade: Third", "3"));
}

static void test_words_that_were_doubtful_until_their_readings_agreed_are_counted(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: Ana @Montesoler", "800 1300 Teacher: Mr. Fernwood", NULL}, &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Montesoler");
    assert_int_equal(value_in(&entry, "student_name")->signs.again, 1);
    assert_int_equal(value_in(&entry, "teacher_name")->signs.again, 0);
    entry_done(&entry);
}

static void test_a_word_cut_in_two_is_put_together_but_particles_stay(void **state)
{
    (void)state;
    struct entry entry;
    read_page(
        (const char *const[]){"800 1000 Student: Ana Monteso ~ler", "800 1300 Teacher: Luz de la Vega", NULL},
        &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Montesoler");
    assert_string_equal(text_in(&entry, "teacher_name"), "Luz de la Vega");
    entry_done(&entry);
}

static void test_a_colon_read_as_a_semicolon_still_ends_a_label(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 City; Ashby", NULL}, &entry);
    assert_string_equal(text_in(&entry, "city_or_location"), "Ashby");
    entry_done(&entry);
}

static void test_a_colon_read_as_a_stop_ends_a_label_where_the_others_end_in_colons(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student. Ana Soler",
                                    "800 1300 School / Escuela. Escuela Monte Rosa", "800 1600 Grade: 5",
                                    "800 1900 City: Ashby", "800 2200 Phone:", NULL},
              &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Soler");
    assert_string_equal(text_in(&entry, "school_name"), "Escuela Monte Rosa");
    entry_done(&entry);
}

static void test_a_colon_read_as_an_exclamation_mark_ends_a_label_there_even_behind_a_speck(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 5 Student's Name! Ana Soler", "800 1300 School: Monte Rosa School", "800 1600 Grade: 5",
                                    "800 1900 City: Ashby", NULL},
              &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Soler");
    entry_done(&entry);
}

static void test_a_capital_read_as_an_exclamation_mark_makes_no_sentence_of_a_name(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: !da Soler", NULL}, &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ida Soler");
    entry_done(&entry);
}

static void test_an_enye_read_as_two_letters_is_put_right_and_the_value_doubted(void **state)
{
    (void)state;
    struct entry entry, plain;
    read_page((const char *const[]){"800 1000 School: Escuela de los Nifios", NULL}, &entry);
    read_page((const char *const[]){"800 1000 School: Escuela de los Nieves", NULL}, &plain);
    assert_string_equal(text_in(&entry, "school_name"), "Escuela de los Ni\xC3\xB1os");
    assert_true(entry.values[0].confidence < plain.values[0].confidence);
    entry_done(&entry);
    entry_done(&plain);
}

static void test_a_cells_border_read_as_a_letter_is_not_the_answer(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: ^E", "5000 1000 Grade:", "800 1250 Ana Soler",
                                    "5000 1250 4", NULL},
              &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Soler");
    assert_string_equal(text_in(&entry, "grade"), "4");
    entry_done(&entry);
}

static void test_a_digit_before_a_name_is_the_capital_that_looks_like_it(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: Ana 2amora", "800 1300 School: Lronbark School", NULL},
              &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Zamora");
    assert_string_equal(text_in(&entry, "school_name"), "Ironbark School");
    entry_done(&entry);
}

static void test_a_question_close_behind_an_answer_is_known_by_its_colon(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: Ana Soler", "800 1300 Current Grade: Grade 1 Teacher: Prof. Dunas", "800 1600 City: Ashby",
                                    "800 1900 Phone:", NULL},
              &entry);
    assert_string_equal(text_in(&entry, "grade"), "1");
    assert_string_equal(text_in(&entry, "teacher_name"), "Prof. Dunas");
    entry_done(&entry);
}

static void test_a_cells_border_read_as_a_slash_joins_no_two_questions(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Father's Name / Nombre del Padre | Phone / Celular", "800 1250 Leo Soler", "4700 1250 512-555-0120", NULL},
              &entry);
    assert_string_equal(text_in(&entry, "father_figure_name"), "Leo Soler");
    assert_string_equal(text_in(&entry, "phone"), "(512) 555-0120");
    entry_done(&entry);
}

static void test_a_title_with_a_letter_misread_is_the_one_it_can_only_have_been(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: 1da Soler", "800 1300 Teacher: DY. Fernwood", "800 1600 Father's Name: Ma. Soler", NULL}, &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ida Soler");
    assert_string_equal(text_in(&entry, "teacher_name"), "Dr. Fernwood");
    assert_string_equal(text_in(&entry, "father_figure_name"), "Ma. Soler"); /* a Mr. or a Ms., or María */
    entry_done(&entry);
}

static void test_a_label_that_ends_in_a_colon_may_have_one_more_letter_wrong(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 City:", "800 1250 Phorie: 718 555 0144", NULL}, &entry);
    assert_string_equal(text_in(&entry, "city_or_location"), "");
    assert_string_equal(text_in(&entry, "phone"), "(718) 555-0144");
    entry_done(&entry);
}

static void test_a_grade_that_slipped_to_the_schools_line_is_no_school(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 School: 12 grado", "800 1300 City: Ashby", NULL}, &entry);
    assert_string_equal(text_in(&entry, "school_name"), "");
    entry_done(&entry);
    read_page((const char *const[]){"800 1000 School: PS 12", "800 1300 City: Ashby", NULL}, &entry);
    assert_string_equal(text_in(&entry, "school_name"), "PS 12");
    entry_done(&entry);
}

static void test_an_empty_line_between_labels_stays_empty(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student:", "800 1300 School:", "800 1600 Grade:",
                                    "800 1900 Teacher: Mr. Fernwood", NULL},
              &entry);
    assert_int_equal(entry.n_values, 1);
    entry_done(&entry);
}

static void test_a_family_name_read_alike_twice_is_trusted_more_than_one_read_in_two_ways(void **state)
{
    (void)state;
    struct entry alike, apart;
    read_page((const char *const[]){"800 1000 Student: Ana Montesoler",
                                    "800 1300 Father's Name: Leo Montesoler", NULL},
              &alike);
    read_page((const char *const[]){"800 1000 Student: Ana Montesoler",
                                    "800 1300 Father's Name: Leo Montesaler", NULL},
              &apart);
    assert_true(confidence(&alike, "student_name") > confidence(&apart, "student_name"));
    entry_done(&alike);
    entry_done(&apart);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_field_that_stands_on_a_page_twice_says_its_value_once),
        cmocka_unit_test(test_what_was_typed_is_not_mended_as_what_was_recognised_is),
        cmocka_unit_test(test_two_students_on_one_page_are_put_before_a_person),
        cmocka_unit_test(test_an_answer_that_repeats_its_label_is_an_answer),
        cmocka_unit_test(test_an_answer_that_repeats_its_label_behind_a_cells_border_is_whole),
        cmocka_unit_test(test_a_misread_grade_in_two_columns_takes_nothing_from_its_neighbour),
        cmocka_unit_test(test_an_answer_that_floats_above_its_label_is_its_answer),
        cmocka_unit_test(test_a_grade_whose_digit_was_read_as_another_sign_is_doubted),
        cmocka_unit_test(test_a_small_s_with_the_ending_of_two_grades_may_be_either),
        cmocka_unit_test(test_a_figure_that_is_read_for_others_is_doubted_where_no_ending_says_more),
        cmocka_unit_test(test_words_that_were_doubtful_until_their_readings_agreed_are_counted),
        cmocka_unit_test(test_a_word_cut_in_two_is_put_together_but_particles_stay),
        cmocka_unit_test(test_a_colon_read_as_a_semicolon_still_ends_a_label),
        cmocka_unit_test(test_a_colon_read_as_a_stop_ends_a_label_where_the_others_end_in_colons),
        cmocka_unit_test(test_a_colon_read_as_an_exclamation_mark_ends_a_label_there_even_behind_a_speck),
        cmocka_unit_test(test_a_capital_read_as_an_exclamation_mark_makes_no_sentence_of_a_name),
        cmocka_unit_test(test_an_enye_read_as_two_letters_is_put_right_and_the_value_doubted),
        cmocka_unit_test(test_a_cells_border_read_as_a_letter_is_not_the_answer),
        cmocka_unit_test(test_a_digit_before_a_name_is_the_capital_that_looks_like_it),
        cmocka_unit_test(test_a_question_close_behind_an_answer_is_known_by_its_colon),
        cmocka_unit_test(test_a_cells_border_read_as_a_slash_joins_no_two_questions),
        cmocka_unit_test(test_a_title_with_a_letter_misread_is_the_one_it_can_only_have_been),
        cmocka_unit_test(test_a_label_that_ends_in_a_colon_may_have_one_more_letter_wrong),
        cmocka_unit_test(test_a_grade_that_slipped_to_the_schools_line_is_no_school),
        cmocka_unit_test(test_an_empty_line_between_labels_stays_empty),
        cmocka_unit_test(test_a_family_name_read_alike_twice_is_trusted_more_than_one_read_in_two_ways),
    };
    return cmocka_run_group_tests(tests, open_rules, close_rules);
}
