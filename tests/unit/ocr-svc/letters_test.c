/* ocr-svc/letters: how likely a letter follows others. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "ocr-svc/letters.h"

/* How likely a word is, an edge on both sides; the logarithm a letter. */
static double of_word(const char *word)
{
    uint8_t signs[40] = {LETTERS_EDGE};
    int n = 1;
    double sum = 0;
    for (const char *p = word; *p; p++) {
        int sign = letters_sign((uint32_t)(unsigned char)*p);
        sum += (double)letters_follow(signs, n, sign);
        signs[n++] = (uint8_t)sign;
    }
    return (sum + (double)letters_follow(signs, n, LETTERS_EDGE)) / n;
}

static void test_letters_are_told_without_case_and_accents(void **state)
{
    (void)state;
    assert_int_equal(letters_sign('a'), 0);
    assert_int_equal(letters_sign('Z'), 25);
    assert_int_equal(letters_sign(0xE9), letters_sign('e'));  /* é */
    assert_int_equal(letters_sign(0xC1), letters_sign('a'));  /* Á */
    assert_int_equal(letters_sign(0xFC), letters_sign('u'));  /* ü */
    assert_int_equal(letters_sign(0xE7), letters_sign('c'));  /* ç */
    assert_int_equal(letters_sign(0xF1), 26);                 /* ñ */
    assert_int_equal(letters_sign(0xD1), 26);
    static const uint32_t none[] = {0, ' ', '.', '5', '@', '[', '`', '{', 0xB0, 0xBA, 0xD7, 0xF7, 0xDF, 0xFE, 0xFF, 0x141, 0x10FFFF};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert_int_equal(letters_sign(none[i]), -1);
}

static void test_capitals_are_told(void **state)
{
    (void)state;
    assert_true(letters_is_large('M') && letters_is_large(0xD1));
    assert_false(letters_is_large('m') || letters_is_large(0xF1) || letters_is_large('1') || letters_is_large(0xD7) || letters_is_large(0));
}

static void test_small_marks_are_told(void **state)
{
    (void)state;
    assert_true(letters_is_mark('.') && letters_is_mark('-') && letters_is_mark(0xBA));
    assert_false(letters_is_mark('a') || letters_is_mark(' ') || letters_is_mark(0) || letters_is_mark('@'));
}

static void test_words_are_likelier_than_their_misreadings(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"Buttonwood", "Buhonwood"}, {"elementary", "elenentary"}, {"Castillo", "Casfillo"}, {"Whitman", "Wkitman"},
                                           {"escuela", "escuelo"},      {"Martha", "Hartka"},         {"Rodriguez", "Rodrisuez"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) assert_true(of_word(pairs[i][0]) > of_word(pairs[i][1]) + 0.1);
}

static void test_what_follows_adds_up_to_about_one(void **state)
{
    (void)state;
    static const char *const before[] = {"", "th", "zq", "xxxx", "tion"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        uint8_t signs[8] = {LETTERS_EDGE};
        int n = 1;
        for (const char *p = before[i]; *p; p++) signs[n++] = (uint8_t)letters_sign((uint32_t)(unsigned char)*p);
        double sum = 0;
        for (int next = 0; next < LETTERS_SIGNS; next++) {
            double one = exp((double)letters_follow(signs, n, next));
            assert_true(one > 0 && one <= 1);
            sum += one;
        }
        assert_true(sum > 0.6 && sum < 1.6); /* it is kept in halves of a logarithm */
    }
}

static void test_only_the_last_signs_count_and_none_is_enough(void **state)
{
    (void)state;
    uint8_t many[] = {LETTERS_EDGE, 5, 9, 19, 8, 14}; /* "fjtio" */
    assert_true(fabs((double)(letters_follow(many, 6, 13) - letters_follow(many + 2, 4, 13))) < 1e-6);
    assert_true(letters_follow(NULL, 0, 4) < 0 && letters_follow(NULL, 0, 4) > letters_follow(NULL, 0, 16)); /* e, q */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_are_told_without_case_and_accents),
        cmocka_unit_test(test_capitals_are_told),
        cmocka_unit_test(test_small_marks_are_told),
        cmocka_unit_test(test_words_are_likelier_than_their_misreadings),
        cmocka_unit_test(test_what_follows_adds_up_to_about_one),
        cmocka_unit_test(test_only_the_last_signs_count_and_none_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
