#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/form.h"

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

/* The text becomes `want`; NULL: it is refused, with a text for the user. */
static void expect(const char *field, const char *text, const char *want)
{
    struct err err = {0};
    AUTO_FREE char *have = form_normalise(form, form_find(form, field), text, &err);
    if (!want) {
        if (have) fail_msg("%s \"%s\" became \"%s\", not refused", field, text, have);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_true(err.text[0] != '\0');
        return;
    }
    if (!have) fail_msg("%s \"%s\" is refused: %s", field, text, err.text);
    assert_string_equal(have, want);
}

static void expect_fold(const char *text, const char *want)
{
    AUTO_FREE char *have = form_fold(text);
    assert_string_equal(have, want);
}

static void test_fold_drops_case_accents_and_punctuation(void **state)
{
    (void)state;
    expect_fold("  Student's   Name / Nombre: ", "student s name nombre");
    expect_fold("ÑANDÚ Ömer Łukasz", "nandu omer lukasz");
    expect_fold("Jose\xCC\x81", "jose"); /* a combining acute */
    expect_fold("--- ___", "");
}

static void test_letters_are_the_folded_text_without_spaces(void **state)
{
    (void)state;
    AUTO_FREE char *label = form_letters(" Student's  Name: ");
    AUTO_FREE char *line = form_letters("___ : ...");
    assert_string_equal(label, "studentsname");
    assert_string_equal(line, "");
}

static void test_fold_of_bytes_that_are_no_utf8_is_safe(void **state)
{
    (void)state;
    expect_fold("a\xFF\xC3", "a");
    expect_fold("\xF0\x9F\x98", "");
    expect_fold("Ана", "Ана"); /* letters of another script stay */
}

static void test_count_words_keeps_inner_apostrophes_and_hyphens(void **state)
{
    (void)state;
    assert_int_equal(form_count_words(""), 0);
    assert_int_equal(form_count_words(" - ... ' "), 0);
    assert_int_equal(form_count_words("I can't see the well-known dog."), 6);
    assert_int_equal(form_count_words("uno, dos\ntres — cuatro"), 4);
    assert_int_equal(form_count_words("it’s 3rd"), 2);
    assert_int_equal(form_count_words("word- word"), 2);
}

static void test_built_in_form_has_the_nine_fields_of_the_contract(void **state)
{
    (void)state;
    static const char *const names[] = {
        "student_name",       "school_name", "grade", "teacher_name", "city_or_location",
        "father_figure_name", "phone",       "email", "essay"};
    assert_int_equal(form->n_fields, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct form_field *field = form_find(form, names[i]);
        assert_non_null(field);
        assert_int_equal(field->required, i < 3 || i == 8);
        assert_non_null(field->labels[0]);
    }
    assert_int_equal(form_find(form, "essay")->min_words, 50);
    assert_null(form_find(form, "shoe_size"));
}

static void test_grade_in_digits(void **state)
{
    (void)state;
    expect("grade", "5", "5");
    expect("grade", " 05 ", "5");
    expect("grade", "12", "12");
    expect("grade", "Grade 5", "5");
    expect("grade", "5th", "5");
    expect("grade", "5 th grade", "5");
    expect("grade", "5B", "5");
}

static void test_grade_in_english_words(void **state)
{
    (void)state;
    expect("grade", "fifth", "5");
    expect("grade", "Twelfth Grade", "12");
    expect("grade", "3rd", "3");
    expect("grade", "11TH", "11");
}

static void test_grade_fifth_in_spanish_is_5(void **state)
{
    (void)state;
    expect("grade", "quinto", "5");
    expect("grade", "5to", "5");
    expect("grade", "5to grado", "5");
    expect("grade", "5º", "5");
    expect("grade", "5to. de primaria", "5");
    expect("grade", "11° grado", "11");
    expect("grade", "Séptimo", "7");
    expect("grade", "décimo primero", "11");
    expect("grade", "3er grado", "3");
}

static void test_grade_kindergarten_in_its_spellings_is_k(void **state)
{
    (void)state;
    expect("grade", "K", "K");
    expect("grade", "Kinder", "K");
    expect("grade", "kindergarten", "K");
    expect("grade", "Pre-K", "K");
    expect("grade", "Pre K", "K");
    expect("grade", "prekinder", "K");
}

static void test_grade_repairs_what_recognition_confuses(void **state)
{
    (void)state;
    expect("grade", "Sth", "5");
    expect("grade", "1Oth", "10");
    expect("grade", "l2th", "12");
    expect("grade", "110 grado", "11");
}

static void test_grade_that_is_none_is_refused(void **state)
{
    (void)state;
    expect("grade", "13", NULL);
    expect("grade", "0", NULL);
    expect("grade", "OTH GRADE", NULL); /* a 6 or a 10, but no kindergarten */
    expect("grade", "3th", NULL); /* the digit or the ending was misread: which one, nobody knows */
    expect("grade", "5 6", NULL);
    expect("grade", "tercero de secundaria", NULL);
    expect("grade", "Maria", NULL);
    expect("grade", "   ", NULL);
    expect("grade", "1 2 3 4 5 6 7 8 9 10", NULL);
}

static void test_name_with_particles_accents_and_hyphens(void **state)
{
    (void)state;
    expect("student_name", " Ana  Luz ", "Ana Luz");
    expect("student_name", "María de los Ángeles de la Cruz Peña", "María de los Ángeles de la Cruz Peña");
    expect("student_name", "Zoë O’Nube-Río", "Zoë O’Nube-Río");
    expect("teacher_name", "Mrs. Dovecote", "Mrs. Dovecote");
    expect("teacher_name", "Dr. Q. Fennelbrook Jr.", "Dr. Q. Fennelbrook Jr.");
}

static void test_name_that_is_a_label_or_a_sentence_is_refused(void **state)
{
    (void)state;
    expect("student_name", "Nombre del Estudiante", NULL);
    expect("student_name", "Student's Name / Nombre del Estudiante:", NULL);
    expect("student_name", "Entry Form", NULL);
    expect("student_name", "My father works. He sings", NULL);
    expect("student_name", "one two three four five six", NULL);
    expect("student_name", "Aaaaaaaaaaaaaaaaaaaa Bbbbbbbbbbbbbbbbbbbbbbbb Cccccccccccccccccccc", NULL);
    expect("student_name", "—", NULL);
}

static void test_school_is_at_least_three_characters_and_no_label(void **state)
{
    (void)state;
    expect("school_name", "St. Orla's School", "St. Orla's School");
    expect("school_name", "PS", NULL);
    expect("school_name", "School / Escuela", NULL);
}

static void test_phone_gets_its_usual_form(void **state)
{
    (void)state;
    expect("phone", "217-555-0129", "(217) 555-0129");
    expect("phone", "+1 (217) 555.0129", "(217) 555-0129");
    expect("phone", "2175550129 ext. 12", "(217) 555-0129 x12");
    expect("phone", "555-0129", "555-0129");
    expect("phone", "+52 55 5555 0129", "+525555550129");
    expect("phone", "(2l7) 555-O129", "(217) 555-0129");
    expect("phone", "call me", NULL);
    expect("phone", "12345", NULL);
    expect("phone", "555-SOSO", NULL);
    expect("phone", "1234567890123456789", NULL);
}

static void test_email_is_lower_case_and_repaired(void **state)
{
    (void)state;
    expect("email", "A.Luz@Example.ORG", "a.luz@example.org");
    expect("email", "a.luz @ example .org", "a.luz@example.org");
    expect("email", "a.luz©example,org", "a.luz@example.org");
    expect("email", "a.luz.example.org", NULL);
    expect("email", "a@b", NULL);
    expect("email", "a@b..org", NULL);
    expect("email", "ñ@example.org", NULL);
}

/* A form file with this text; its error must contain `why`. */
static void refuse_file(const char *json, const char *why)
{
    char path[] = "/tmp/form_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, strlen(json)), (ssize_t)strlen(json));
    close(fd);
    struct err err = {0};
    form_t *bad = form_load(path, &err);
    unlink(path);
    assert_null(bad);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (!strstr(err.text, why)) fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void test_bad_form_file_is_refused_with_the_place(void **state)
{
    (void)state;
    refuse_file("{", "line 1");
    refuse_file("[]", "\"name\"");
    refuse_file("{\"name\":\"x\"}", "\"fields\"");
    refuse_file("{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"shoe\"}]}", "field 1: \"rule\"");
    refuse_file("{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"text\",\"labels\":[\"--\"]}]}",
                "no letters");
    refuse_file(
        "{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"text\"},{\"name\":\"a\",\"rule\":\"text\"}]}",
        "second \"a\"");
    refuse_file("{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"text\",\"max_chars\":-1}]}",
                "max_chars");
    refuse_file("{\"name\":\"x\",\"titles\":7,\"fields\":[]}", "\"titles\"");
    refuse_file("{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"choice\"}]}", "\"choices\"");
    refuse_file("{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"choice\",\"choices\":[{}]}]}", "choice 1");
    refuse_file("{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"choice\",\"choices\":[{\"value\":\"b\",\"labels\":7}]}]}", "\"labels\"");
    refuse_file("{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"rule\":\"text\",\"choices\":[]}]}", "\"choices\"");
    assert_null(form_load("/nonexistent/form.json", NULL));
}

static void test_another_form_is_data_only(void **state)
{
    (void)state;
    form_t *other = form_load("tests/fixtures/form-library-card.json", NULL);
    assert_non_null(other);
    assert_int_equal(other->n_fields, 6);
    assert_int_equal(form_find(other, "contact")->rule, FORM_EMAIL);
    assert_string_equal(form_find(other, "reader_name")->labels[0], "reader s name");
    const struct form_field *membership = form_find(other, "membership");
    char *child = form_normalise(other, membership, " NIÑO (a) ", NULL);
    assert_string_equal(child, "Child"); /* as the form file spells it, whatever its label */
    free(child);
    struct err err = {0};
    assert_null(form_normalise(other, membership, "Pirate", &err));
    assert_string_equal(err.text, "Membership is none of the form's choices.");
    form_destroy(&other);
    assert_null(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold_drops_case_accents_and_punctuation),
        cmocka_unit_test(test_letters_are_the_folded_text_without_spaces),
        cmocka_unit_test(test_fold_of_bytes_that_are_no_utf8_is_safe),
        cmocka_unit_test(test_count_words_keeps_inner_apostrophes_and_hyphens),
        cmocka_unit_test(test_built_in_form_has_the_nine_fields_of_the_contract),
        cmocka_unit_test(test_grade_in_digits),
        cmocka_unit_test(test_grade_in_english_words),
        cmocka_unit_test(test_grade_fifth_in_spanish_is_5),
        cmocka_unit_test(test_grade_kindergarten_in_its_spellings_is_k),
        cmocka_unit_test(test_grade_repairs_what_recognition_confuses),
        cmocka_unit_test(test_grade_that_is_none_is_refused),
        cmocka_unit_test(test_name_with_particles_accents_and_hyphens),
        cmocka_unit_test(test_name_that_is_a_label_or_a_sentence_is_refused),
        cmocka_unit_test(test_school_is_at_least_three_characters_and_no_label),
        cmocka_unit_test(test_phone_gets_its_usual_form),
        cmocka_unit_test(test_email_is_lower_case_and_repaired),
        cmocka_unit_test(test_bad_form_file_is_refused_with_the_place),
        cmocka_unit_test(test_another_form_is_data_only),
    };
    return cmocka_run_group_tests(tests, open_form, close_form);
}
