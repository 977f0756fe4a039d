/* llm-svc/tidy: words as they were probably meant. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include "lib/auto.h"
#include "llm-svc/tidy.h"

/* One recognised word as the value of a field of `rule`. */
static void assert_meant(enum form_rule rule, const char *read, const char *meant)
{
    char tight[] = "x";
    struct word word = {.text = read, .tight = tight, .source = WORD_OCR, .box = {100, 100, 200, 120}};
    struct page page = {.number = 1, .width = 612, .height = 792, .words = &word, .n_words = 1};
    int first = 0;
    char *text = tidy_line(&page, &first, 1, rule);
    assert_string_equal(text, meant);
    free(text);
}

static void test_a_digit_before_letters_was_a_capital(void **state)
{
    (void)state;
    assert_meant(FORM_NAME, "1tzel", "Itzel");
    assert_meant(FORM_NAME, "6ineura", "Gineura");
    assert_meant(FORM_NAME, "8en", "Ben");
    assert_meant(FORM_SCHOOL, "6reyson", "Greyson");
    assert_meant(FORM_TEXT, "3amora", "Zamora");
}

static void test_a_digit_among_letters_of_a_name_was_a_letter(void **state)
{
    (void)state;
    assert_meant(FORM_NAME, "Loren3o", "Lorenzo");
    assert_meant(FORM_NAME, "LOREN3O", "LORENZO");
    assert_meant(FORM_NAME, "Ibarlu3", "Ibarluz");
    assert_meant(FORM_NAME, "P1necone", "Plnecone");
    assert_meant(FORM_NAME,
                 "Nu\xC3\xB1"
                 "9ez",
                 "Nu\xC3\xB1gez");
}

static void test_beginnings_that_no_word_has_were_a_capital(void **state)
{
    (void)state;
    assert_meant(FORM_NAME, "ICensi", "Kensi");
    assert_meant(FORM_NAME, "ttollinshaw", "Hollinshaw");
    assert_meant(FORM_TEXT, "Wwexford", "Wexford");
    assert_meant(FORM_NAME, "Soler-Wwexford", "Soler-Wexford");
    assert_meant(FORM_NAME, "Soler-ttewitt", "Soler-Hewitt");
    assert_meant(FORM_SCHOOL, "ICE", "ICE");
}

static void test_a_school_is_for_k_to_8_and_not_for_1_to_8(void **state)
{
    (void)state;
    assert_meant(FORM_SCHOOL, "IC-8", "K-8");
    assert_meant(FORM_SCHOOL, "1-8", "K-8");
    assert_meant(FORM_SCHOOL, "H-12", "K-12");
    assert_meant(FORM_SCHOOL, "K-B", "K-8");
    assert_meant(FORM_SCHOOL, "6-12", "6-12");
    assert_meant(FORM_TEXT, "1-8", "1-8");
}

static void test_numbers_of_schools_and_places_stay(void **state)
{
    (void)state;
    assert_meant(FORM_SCHOOL, "K-8", "K-8");
    assert_meant(FORM_SCHOOL, "118", "118");
    assert_meant(FORM_SCHOOL, "4th", "4th");
    assert_meant(FORM_TEXT, "2nd", "2nd");
    assert_meant(FORM_SCHOOL, "PS118X", "PS118X");
}

/* Two recognised words as the value of a field of `rule`. */
static void assert_both_meant(enum form_rule rule, const char *one, const char *two, const char *meant)
{
    char tight[] = "x";
    struct word both[] = {{.text = one, .tight = tight, .source = WORD_OCR, .box = {100, 100, 110, 120}},
                          {.text = two, .tight = tight, .source = WORD_OCR, .box = {130, 100, 200, 120}}};
    struct page page = {.number = 1, .width = 612, .height = 792, .words = both, .n_words = 2};
    const int order[] = {0, 1};
    char *text = tidy_line(&page, order, 2, rule);
    assert_string_equal(text, meant);
    free(text);
}

static void test_a_border_read_as_a_1_is_no_part_of_a_name(void **state)
{
    (void)state;
    assert_both_meant(FORM_NAME, "1", "Dashiell", "Dashiell");
    assert_both_meant(FORM_SCHOOL, "1", "Larch", "Larch");
    assert_both_meant(FORM_SCHOOL, "1", "de", "1 de");
    assert_both_meant(FORM_TEXT, "1", "Larch", "1 Larch");
}

static void test_a_stroke_before_small_letters_was_a_capital_i(void **state)
{
    (void)state;
    assert_meant(FORM_SCHOOL, "\\ronbark", "Ironbark");
    assert_meant(FORM_NAME, "|tzel", "Itzel");
    assert_meant(FORM_NAME, "'ltzel", "Itzel"); /* behind a speck an L is one as well */
    assert_meant(FORM_NAME, "|van", "van"); /* a border and a particle */
    assert_meant(FORM_NAME, "|Ana", "Ana");
}

static void test_a_saint_written_small_is_a_word_of_its_own(void **state)
{
    (void)state;
    char colegio[] = "colegio", san[] = "san", nuez[] = "nuez";
    struct word both[] = {{.text = "Colegio", .tight = colegio, .source = WORD_OCR, .box = {100, 100, 150, 120}},
                          {.text = "san", .tight = san, .source = WORD_OCR, .box = {153, 100, 200, 120}}};
    struct page page = {.number = 1, .width = 612, .height = 792, .words = both, .n_words = 2};
    const int order[] = {0, 1};
    AUTO_FREE char *two = tidy_line(&page, order, 2, FORM_SCHOOL);
    assert_string_equal(two, "Colegio san");
    both[1].text = "nuez", both[1].tight = nuez;
    AUTO_FREE char *one = tidy_line(&page, order, 2, FORM_SCHOOL);
    assert_string_equal(one, "Colegionuez"); /* a word that was cut in two */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_digit_before_letters_was_a_capital),
        cmocka_unit_test(test_a_digit_among_letters_of_a_name_was_a_letter),
        cmocka_unit_test(test_beginnings_that_no_word_has_were_a_capital),
        cmocka_unit_test(test_a_school_is_for_k_to_8_and_not_for_1_to_8),
        cmocka_unit_test(test_numbers_of_schools_and_places_stay),
        cmocka_unit_test(test_a_border_read_as_a_1_is_no_part_of_a_name),
        cmocka_unit_test(test_a_stroke_before_small_letters_was_a_capital_i),
        cmocka_unit_test(test_a_saint_written_small_is_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
