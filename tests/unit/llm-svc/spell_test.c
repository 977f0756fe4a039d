/* llm-svc/spell: which words of a value are shaped as hardly any word is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "llm-svc/spell.h"

static lexicon_t *lexicon;

static int open_lexicon(void **state)
{
    (void)state;
    return (lexicon = lexicon_new(NULL, NULL)) ? 0 : -1;
}

static int close_lexicon(void **state)
{
    (void)state;
    lexicon_destroy(&lexicon);
    return 0;
}

static int odd(enum form_rule rule, const char *text)
{
    struct spell_source nothing = {0};
    struct signs signs = {0};
    char *copy = strdup(text);
    assert_int_equal(spell_text(lexicon, rule, &nothing, &copy, &signs), 0);
    free(copy);
    return signs.odd;
}

static void test_a_capital_within_a_word_is_odd_unless_names_have_one_there(void **state)
{
    (void)state;
    assert_true(odd(FORM_SCHOOL, "BuHonwood School") > 1);
    assert_int_equal(odd(FORM_NAME, "Ana McAllister"), 0);
    assert_int_equal(odd(FORM_NAME, "Ana MacAllister"), 0);
}

static void test_a_digit_behind_a_small_letter_is_odd_a_number_or_an_ordinal_is_not(void **state)
{
    (void)state;
    assert_int_equal(odd(FORM_SCHOOL, "Instituto Lu3 de Abril"), 1);
    assert_int_equal(odd(FORM_SCHOOL, "PS 12"), 0);
    assert_int_equal(odd(FORM_SCHOOL, "3rd Street School"), 0);
}

static void test_a_digit_is_odd_in_a_persons_name(void **state)
{
    (void)state;
    assert_int_equal(odd(FORM_NAME, "Luz 4bril"), 1);
}

/* A word of a page as the value of a school, surely read. */
static void assert_spelled(const char *read, const char *folded, const char *spelled)
{
    char tight[24];
    snprintf(tight, sizeof tight, "%s", folded);
    struct word word = {.text = read, .tight = tight, .source = WORD_OCR, .confidence = 0.97f};
    const struct page page = {.number = 1, .words = &word, .n_words = 1};
    const int first = 0;
    const struct spell_source source = {&page, &first, 1};
    struct signs signs = {0};
    char *copy = strdup(read);
    assert_int_equal(spell_text(lexicon, FORM_SCHOOL, &source, &copy, &signs), 0);
    assert_string_equal(copy, spelled);
    free(copy);
}

static void test_a_kind_of_school_a_letter_off_is_that_kind_however_surely_it_was_read(void **state)
{
    (void)state;
    assert_spelled("Elenentary", "elenentary", "Elementary");
    assert_spelled("Academic", "academic", "Academic"); /* another word */
    assert_spelled("Buttonwood", "buttonwood", "Buttonwood");
}

static void test_a_kind_of_school_that_lost_its_last_letter_or_has_one_more_is_that_kind(void **state)
{
    (void)state;
    assert_spelled("Schoo}", "schoo", "School"); /* the l was read as a bracket */
    assert_spelled("Schoo1", "schoo1", "School");
    assert_spelled("ACADEM", "academ", "ACADEMY");
    assert_spelled("Escuel", "escuel", "Escuela");
    assert_spelled("Schooll", "schooll", "School");
}

static void test_a_kind_of_school_is_not_made_of_another_word_nor_of_what_may_be_two_kinds(void **state)
{
    (void)state;
    assert_spelled("Schools", "schools", "Schools");
    assert_spelled("Colleges", "colleges", "Colleges");
    assert_spelled("Institut", "institut", "Institut"); /* Institute, Instituto */
    assert_spelled("Academi", "academi", "Academi");    /* Academy, Academia */
    assert_spelled("School2", "school2", "School2");    /* a gap was not seen */
    assert_spelled("Lice", "lice", "Lice");             /* of words so short there are many */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_capital_within_a_word_is_odd_unless_names_have_one_there),
        cmocka_unit_test(test_a_digit_behind_a_small_letter_is_odd_a_number_or_an_ordinal_is_not),
        cmocka_unit_test(test_a_digit_is_odd_in_a_persons_name),
        cmocka_unit_test(test_a_kind_of_school_a_letter_off_is_that_kind_however_surely_it_was_read),
        cmocka_unit_test(test_a_kind_of_school_that_lost_its_last_letter_or_has_one_more_is_that_kind),
        cmocka_unit_test(test_a_kind_of_school_is_not_made_of_another_word_nor_of_what_may_be_two_kinds),
    };
    return cmocka_run_group_tests(tests, open_lexicon, close_lexicon);
}
