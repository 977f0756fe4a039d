/* Where on a form an answer may stand: each place in English, in Spanish and on forms that print both. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "page_lines.h"

#define LINES(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

/* Of every page of this file: the same student, whatever the layout. */
static void expect(const char *const *lines)
{
    struct entry entry;
    entry_of_lines(lines, 'o', &entry);
    assert_string_equal(text_in(&entry, "student_name"), "Ana Luz Soler");
    assert_string_equal(text_in(&entry, "school_name"), "Escuela Monte Rosa");
    assert_string_equal(text_in(&entry, "grade"), "4");
    assert_string_equal(text_in(&entry, "city_or_location"), "Dos Robles");
    entry_done(&entry);
}

static void test_on_the_labels_line(void **state)
{
    (void)state;
    expect(LINES("800 1000 Student's Name: Ana Luz Soler", "800 1300 School: Escuela Monte Rosa",
                 "800 1600 Grade: 4", "800 1900 City: Dos Robles"));
    expect(LINES("800 1000 Nombre del Estudiante: Ana Luz Soler", "800 1300 Escuela: Escuela Monte Rosa",
                 "800 1600 Grado: 4", "800 1900 Ciudad: Dos Robles"));
    expect(LINES("800 1000 Student's Name / Nombre del Estudiante: Ana Luz Soler",
                 "800 1300 School / Escuela: Escuela Monte Rosa", "800 1600 Grade / Grado: 4",
                 "800 1900 City / Ciudad: Dos Robles"));
}

static void test_on_the_line_below(void **state)
{
    (void)state;
    expect(LINES("800 1000 Student's Name", "800 1250 Ana Luz Soler", "800 1550 School",
                 "800 1800 Escuela Monte Rosa", "800 2100 Grade", "800 2350 4", "800 2650 City",
                 "800 2900 Dos Robles"));
    expect(LINES("800 1000 Nombre del Alumno", "800 1250 Ana Luz Soler", "800 1550 Nombre de la Escuela",
                 "800 1800 Escuela Monte Rosa", "800 2100 Grado", "800 2350 4", "800 2650 Localidad",
                 "800 2900 Dos Robles"));
    expect(LINES("800 1000 Student / Estudiante", "800 1250 Ana Luz Soler", "800 1550 School Name / Escuela",
                 "800 1800 Escuela Monte Rosa", "800 2100 Grade / Grado", "800 2350 4",
                 "800 2650 Town / Ciudad", "800 2900 Dos Robles"));
}

static void test_in_the_cells_of_a_grid_below_small_labels(void **state)
{
    (void)state;
    expect(LINES("820 1000 Student's Name", "5020 1000 Grade", "900 1250 Ana Luz Soler", "5100 1250 4",
                 "820 1600 School", "5020 1600 City", "900 1850 Escuela Monte Rosa", "5100 1850 Dos Robles"));
    expect(LINES("820 1000 Nombre Completo", "5020 1000 Grado Escolar", "900 1250 Ana Luz Soler",
                 "5100 1250 4", "820 1600 Escuela", "5020 1600 Ciudad", "900 1850 Escuela Monte Rosa",
                 "5100 1850 Dos Robles"));
    expect(LINES("820 1000 Student / Estudiante", "5020 1000 Grade / Grado", "900 1250 Ana Luz Soler",
                 "5100 1250 4", "820 1600 School / Escuela", "5020 1600 City / Ciudad",
                 "900 1850 Escuela Monte Rosa", "5100 1850 Dos Robles"));
}

static void test_in_the_right_column_of_a_table(void **state)
{
    (void)state;
    expect(LINES("850 1000 Student's Name", "4000 1000 Ana Luz Soler", "850 1300 School",
                 "4000 1300 Escuela Monte Rosa", "850 1600 Grade", "4000 1600 4", "850 1900 City",
                 "4000 1900 Dos Robles"));
    expect(LINES("850 1000 Nombre y Apellido", "4000 1000 Ana Luz Soler", "850 1300 Escuela",
                 "4000 1300 Escuela Monte Rosa", "850 1600 Grado", "4000 1600 4", "850 1900 Ciudad",
                 "4000 1900 Dos Robles"));
    expect(LINES("850 1000 Student / Estudiante", "5000 1000 Ana Luz Soler", "850 1300 School / Escuela",
                 "5000 1300 Escuela Monte Rosa", "850 1600 Grade / Grado", "5000 1600 4",
                 "850 1900 City / Ciudad", "5000 1900 Dos Robles"));
}

static void test_two_on_a_line(void **state)
{
    (void)state;
    expect(LINES("800 1000 Student: Ana Luz Soler", "5600 1000 Grade: 4",
                 "800 1300 School: Escuela Monte Rosa", "5600 1300 City: Dos Robles"));
    expect(LINES("800 1000 Alumno: Ana Luz Soler", "5600 1000 Grado: 4",
                 "800 1300 Escuela: Escuela Monte Rosa", "5600 1300 Ciudad: Dos Robles"));
    expect(LINES("800 1000 Student / Alumno: Ana Luz Soler", "6000 1000 Grade / Grado: 4",
                 "800 1300 School / Escuela: Escuela Monte Rosa", "6000 1300 City / Ciudad: Dos Robles"));
}

/* What fills its line to the end goes on in the next; what does not, does not. */
static void expect_school(const char *const *lines, const char *wanted)
{
    struct entry entry;
    entry_of_lines(lines, 'o', &entry);
    assert_string_equal(text_in(&entry, "school_name"), wanted);
    assert_string_equal(text_in(&entry, "grade"), "4");
    entry_done(&entry);
}

static void test_a_value_that_fills_its_line_goes_on_in_the_next(void **state)
{
    (void)state;
    static const char wanted[] = "Escuela Primaria Comunitaria Monte Rosa del Valle Escondido de Dos Robles";
    expect_school(LINES("800 1000 School: Escuela Primaria Comunitaria Monte Rosa del Valle Escondido",
                        "800 1230 de Dos Robles", "800 1600 Grade: 4"),
                  wanted);
    expect_school(LINES("800 1000 Escuela",
                        "800 1230 Escuela Primaria Comunitaria Monte Rosa del Valle Escondido",
                        "800 1460 de Dos Robles", "800 1900 Grado: 4"),
                  wanted);
    expect_school(
        LINES("800 1000 School / Escuela: Escuela Primaria Comunitaria Monte Rosa del Valle Escondido",
              "800 1230 de Dos Robles", "800 1600 Grade / Grado: 4"),
        wanted);
    expect_school(LINES("800 1000 School", "5000 1000 Grade", "800 1230 Escuela Primaria Monte Rosa",
                        "5000 1230 4", "800 1460 de Dos Robles"),
                  "Escuela Primaria Monte Rosa de Dos Robles");
}

static void test_what_stands_below_a_short_answer_is_not_its_own(void **state)
{
    (void)state;
    expect_school(LINES("800 1000 School: Escuela Monte", "800 1230 Rosa y compania", "800 1600 Grade: 4"),
                  "Escuela Monte");
}

static void test_specks_read_as_digits_below_a_name_are_not_its_own(void **state)
{
    (void)state;
    struct entry entry;
    entry_of_lines(LINES("800 1000 Father's Name: Anselmo Benito Valdemar Guadalupe Soler", "5000 1200 1 0", "800 1500 Grade: 4"), 'o', &entry);
    assert_string_equal(text_in(&entry, "father_figure_name"), "Anselmo Benito Valdemar Guadalupe Soler");
    entry_done(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_the_labels_line),
        cmocka_unit_test(test_on_the_line_below),
        cmocka_unit_test(test_in_the_cells_of_a_grid_below_small_labels),
        cmocka_unit_test(test_in_the_right_column_of_a_table),
        cmocka_unit_test(test_two_on_a_line),
        cmocka_unit_test(test_a_value_that_fills_its_line_goes_on_in_the_next),
        cmocka_unit_test(test_what_stands_below_a_short_answer_is_not_its_own),
        cmocka_unit_test(test_specks_read_as_digits_below_a_name_are_not_its_own),
    };
    return cmocka_run_group_tests(tests, open_rules, close_rules);
}
