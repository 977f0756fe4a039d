/* Pages of recognised words become answers: which words are a label, which an answer, and what it says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "lib/buf.h"
#include "llm-svc/llm.h"
#include "llm-svc/pages.h"

static form_t *form;
static void *rules;

static int open_rules(void **state)
{
    (void)state;
    const struct settings settings = {0};
    form = form_load(NULL, NULL);
    return form && !llm_rules.open(&settings, form, &rules, NULL) ? 0 : -1;
}

static int close_rules(void **state)
{
    (void)state;
    llm_rules.close(rules);
    form_destroy(&form);
    return 0;
}

/* A page from lines "x y text…": words of 120 units a letter and 160 high, 60 apart; "~" stands for no space
 * at all between two words, "^" for a wide gap. */
static void read_page_by(void *by, const char *const *lines, struct entry *entry)
{
    struct buf json = BUF_INIT;
    buf_puts(&json, "{\"page\":1,\"width\":612,\"height\":792,\"source\":\"ocr\",\"ink\":0.03,\"words\":[");
    for (int l = 0; lines[l]; l++) {
        int x, y, at;
        char text[256];
        sscanf(lines[l], "%d %d %n", &x, &y, &at);
        snprintf(text, sizeof text, "%s", lines[l] + at);
        char *save = NULL;
        for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
            if (*word == '^') x += 800;
            if (*word == '~') x -= 50;
            word += *word == '^' || *word == '~';
            int width = 120 * (int)strlen(word);
            buf_printf(&json, "%s{\"t\":", json.data[json.len - 1] == '[' ? "" : ",");
            buf_json_string(&json, word);
            buf_printf(&json, ",\"b\":[%d,%d,%d,%d],\"c\":0.9,\"l\":%d,\"s\":\"o\"}", x, y, x + width,
                       y + 160, l);
            x += width + 60;
        }
    }
    buf_puts(&json, "]}");
    struct page page;
    struct err err = {0};
    assert_int_equal(page_parse(json.data, json.len, &page, &err), 0);
    memset(entry, 0, sizeof *entry);
    assert_int_equal(llm_rules.extract(by, &page, 1, 0, entry, &err), 0);
    page_done(&page);
    buf_done(&json);
}

static void read_page(const char *const *lines, struct entry *entry)
{
    read_page_by(rules, lines, entry);
}

static const char *value(const struct entry *entry, const char *field)
{
    for (int i = 0; i < entry->n_values; i++)
        if (!strcmp(entry->values[i].field->name, field)) return entry->values[i].text;
    return "";
}

static void test_an_answer_that_repeats_its_label_is_an_answer(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Estudiante", "800 1200 Ana Soler", "800 1500 Grado",
                                    "800 1700 3 grado", "800 2000 Escuela", "800 2200 Escuela Monte Rosa",
                                    NULL},
              &entry);
    assert_string_equal(value(&entry, "grade"), "3");
    assert_string_equal(value(&entry, "school_name"), "Escuela Monte Rosa");
    entry_done(&entry);
}

static void test_a_misread_grade_in_two_columns_takes_nothing_from_its_neighbour(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Grade:", "5000 1000 Teacher:", "800 1200 G arado",
                                    "5000 1200 Mr. Fernwood", NULL},
              &entry);
    assert_string_equal(value(&entry, "grade"), "6");
    assert_string_equal(value(&entry, "teacher_name"), "Mr. Fernwood");
    entry_done(&entry);
}

static double confidence(const struct entry *entry, const char *field)
{
    for (int i = 0; i < entry->n_values; i++)
        if (!strcmp(entry->values[i].field->name, field)) return entry->values[i].confidence;
    return -1;
}

static void test_a_grade_whose_digit_was_read_as_another_sign_is_doubted(void **state)
{
    (void)state;
    struct entry sure, letter, mark;
    read_page((const char *const[]){"800 1000 Grade: 5th grade", NULL}, &sure);
    read_page((const char *const[]){"800 1000 Grade: Sth grade", NULL}, &letter);
    read_page((const char *const[]){"800 1000 Grade: Grade 1!", NULL}, &mark);
    assert_string_equal(value(&letter, "grade"), "5");
    assert_string_equal(value(&mark, "grade"), "11");
    assert_true(confidence(&letter, "grade") < confidence(&sure, "grade"));
    assert_true(confidence(&mark, "grade") < confidence(&sure, "grade"));
    entry_done(&sure);
    entry_done(&letter);
    entry_done(&mark);
}

static void test_a_word_cut_in_two_is_put_together_but_particles_stay(void **state)
{
    (void)state;
    struct entry entry;
    read_page(
        (const char *const[]){"800 1000 Student: Ana Monteso ~ler", "800 1300 Teacher: Luz de la Vega", NULL},
        &entry);
    assert_string_equal(value(&entry, "student_name"), "Ana Montesoler");
    assert_string_equal(value(&entry, "teacher_name"), "Luz de la Vega");
    entry_done(&entry);
}

static void test_a_colon_read_as_a_semicolon_still_ends_a_label(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 City; Ashby", NULL}, &entry);
    assert_string_equal(value(&entry, "city_or_location"), "Ashby");
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
    assert_string_equal(value(&entry, "student_name"), "Ana Soler");
    assert_string_equal(value(&entry, "school_name"), "Escuela Monte Rosa");
    entry_done(&entry);
}

static void test_a_capital_read_as_an_exclamation_mark_makes_no_sentence_of_a_name(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: !da Soler", NULL}, &entry);
    assert_string_equal(value(&entry, "student_name"), "Ida Soler");
    entry_done(&entry);
}

static void test_an_enye_read_as_two_letters_is_put_right_and_the_value_doubted(void **state)
{
    (void)state;
    struct entry entry, plain;
    read_page((const char *const[]){"800 1000 School: Escuela de los Nifios", NULL}, &entry);
    read_page((const char *const[]){"800 1000 School: Escuela de los Nieves", NULL}, &plain);
    assert_string_equal(value(&entry, "school_name"), "Escuela de los Ni\xC3\xB1os");
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
    assert_string_equal(value(&entry, "student_name"), "Ana Soler");
    assert_string_equal(value(&entry, "grade"), "4");
    entry_done(&entry);
}

static void test_a_digit_before_a_name_is_the_capital_that_looks_like_it(void **state)
{
    (void)state;
    struct entry entry;
    read_page((const char *const[]){"800 1000 Student: Ana 2amora", "800 1300 School: Lronbark School", NULL},
              &entry);
    assert_string_equal(value(&entry, "student_name"), "Ana Zamora");
    assert_string_equal(value(&entry, "school_name"), "Ironbark School");
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

static void test_another_form_is_read_by_its_file_alone(void **state)
{
    (void)state;
    const struct settings settings = {0};
    form_t *card = form_load("tests/fixtures/form-library-card.json", NULL);
    void *by = NULL;
    assert_non_null(card);
    assert_int_equal(llm_rules.open(&settings, card, &by, NULL), 0);
    struct entry entry;
    read_page_by(
        by,
        (const char *const[]){"800 500 Library Card Application",
                              "800 1000 Reader's Name / Nombre del Lector:", "800 1250 Ana Monteso ~ler",
                              "800 1600 Home Branch:", "5000 1600 Daytime Phone:", "800 1850 Old Mill",
                              "5000 1850 (415) SS5-0123",
                              "800 2200 Contact Email:", "800 2450 ana.solerQmail.example.net", NULL},
        &entry);
    assert_string_equal(value(&entry, "reader_name"), "Ana Montesoler");
    assert_string_equal(value(&entry, "branch"), "Old Mill");
    assert_string_equal(value(&entry, "card_phone"), "(415) 555-0123");
    assert_string_equal(value(&entry, "contact"), "ana.soler@mail.example.net");
    assert_int_equal(entry.observed, 0);
    entry_done(&entry);
    llm_rules.close(by);
    form_destroy(&card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_that_repeats_its_label_is_an_answer),
        cmocka_unit_test(test_a_misread_grade_in_two_columns_takes_nothing_from_its_neighbour),
        cmocka_unit_test(test_a_grade_whose_digit_was_read_as_another_sign_is_doubted),
        cmocka_unit_test(test_a_word_cut_in_two_is_put_together_but_particles_stay),
        cmocka_unit_test(test_a_colon_read_as_a_semicolon_still_ends_a_label),
        cmocka_unit_test(test_a_colon_read_as_a_stop_ends_a_label_where_the_others_end_in_colons),
        cmocka_unit_test(test_a_capital_read_as_an_exclamation_mark_makes_no_sentence_of_a_name),
        cmocka_unit_test(test_an_enye_read_as_two_letters_is_put_right_and_the_value_doubted),
        cmocka_unit_test(test_a_cells_border_read_as_a_letter_is_not_the_answer),
        cmocka_unit_test(test_a_digit_before_a_name_is_the_capital_that_looks_like_it),
        cmocka_unit_test(test_an_empty_line_between_labels_stays_empty),
        cmocka_unit_test(test_a_family_name_read_alike_twice_is_trusted_more_than_one_read_in_two_ways),
        cmocka_unit_test(test_another_form_is_read_by_its_file_alone),
    };
    return cmocka_run_group_tests(tests, open_rules, close_rules);
}
