/* ocr-svc/vote: several readings of one piece of writing made one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "ocr-svc/vote.h"

static struct vote_result won;

/* What wins, its letters beyond ASCII as '?'; "-" stands for a place where most have none. */
static const char *winner(const struct vote_reading *readings, int n)
{
    static char text[VOTE_PLACES + 1];
    assert_int_equal(vote(readings, n, &won), 0);
    for (int i = 0; i < won.n; i++)
        text[i] = won.letter[i] == 0 ? '-' : won.letter[i] < 0x80 ? (char)won.letter[i] : '?';
    text[won.n] = '\0';
    return text;
}

/* The same without such places. */
static const char *said(const struct vote_reading *readings, int n)
{
    static char text[VOTE_PLACES + 1];
    size_t len = 0;
    for (const char *c = winner(readings, n); *c; c++)
        if (*c != '-') text[len++] = *c;
    text[len] = '\0';
    return text;
}

static double least(void)
{
    double least = 1;
    for (int i = 0; i < won.n; i++)
        if ((double)won.share[i] < least) least = (double)won.share[i];
    return least;
}

static void test_each_letter_is_what_most_readings_have_there(void **state)
{
    (void)state;
    const struct vote_reading r[] = {{"lronbark", 1}, {"Ironbavk", 1}, {"Ironbark", 1}, {"Ivonbark", 1}};
    assert_string_equal(winner(r, 4), "Ironbark");
    assert_true(least() > 0.74 && least() < 0.76); /* three of four, in its worst place */
}

static void test_a_letter_that_only_some_saw_needs_most_of_the_weight(void **state)
{
    (void)state;
    const struct vote_reading seen[] = {{"Teoflo", 1}, {"Teofilo", 1}, {"Teofilo", 1}};
    assert_string_equal(winner(seen, 3), "Teofilo");
    const struct vote_reading missing[] = {{"Tedfllo", 1}, {"Tedflo", 1}, {"Tedflo", 1}};
    assert_string_equal(winner(missing, 3), "Tedf-lo");
}

static void test_a_small_mark_needs_less_to_stand_against_none(void **state)
{
    (void)state;
    const struct vote_reading stop[] = {{"jluz", 1}, {"jluz", 1},  {"jluz", 1},
                                        {"jluz", 1}, {"j.luz", 1}, {"j.luz", 1}};
    assert_string_equal(winner(stop, 6), "j.luz");
    assert_true(least() < 0.34); /* and is doubted */
    const struct vote_reading letter[] = {{"jluz", 1}, {"jluz", 1},  {"jluz", 1},
                                          {"jluz", 1}, {"jiluz", 1}, {"jiluz", 1}};
    assert_string_equal(winner(letter, 6), "j-luz");
    const struct vote_reading speck[] = {{"jluz", 1}, {"jluz", 1}, {"jluz", 1},
                                         {"jluz", 1}, {"jluz", 1}, {"j.luz", 1}};
    assert_string_equal(winner(speck, 6), "j-luz");
    const struct vote_reading other[] = {{"jaluz", 1}, {"jaluz", 1}, {"j.luz", 1}, {"j.luz", 0.5}};
    assert_string_equal(winner(other, 4), "jaluz"); /* against a letter it needs as much as another */
}

static void test_a_gap_between_words_needs_less_too(void **state)
{
    (void)state;
    const struct vote_reading gap[] = {{"gaveme", 1}, {"gaveme", 1}, {"gaveme", 1}, {"gave me", 1}, {"gave me", 1}};
    assert_string_equal(winner(gap, 5), "gave me");
    const struct vote_reading speck[] = {{"gaveme", 1}, {"gaveme", 1}, {"gaveme", 1}, {"gaveme", 1}, {"gave me", 1}};
    assert_string_equal(winner(speck, 5), "gave-me");
}

static void test_weight_counts_not_numbers(void **state)
{
    (void)state;
    const struct vote_reading r[] = {{"11", 1.1}, {"ul", 0.3}, {"u1", 0.3}, {"11", 0.1}};
    assert_string_equal(winner(r, 4), "11");
    assert_true(least() > 0.65 && least() < 0.68); /* 1.2 of 1.8 */
}

static void test_words_are_letters_with_spaces_between(void **state)
{
    (void)state;
    const struct vote_reading r[] = {{"Ana Luz", 1}, {"AnaLuz", 1}, {"Ana Luz", 1}};
    assert_string_equal(winner(r, 3), "Ana Luz");
}

static void test_letters_beyond_ascii_are_one_letter(void **state)
{
    (void)state;
    const struct vote_reading r[] = {{"Ni\xC3\xB1o", 1}, {"Nino", 1}, {"Ni\xC3\xB1o", 1}};
    assert_string_equal(winner(r, 3), "Ni?o");
    assert_int_equal(won.n, 4);
    assert_int_equal(won.letter[2], 0xF1);
}

static void test_one_reading_wins_alone_and_none_wins_nothing(void **state)
{
    (void)state;
    const struct vote_reading r[] = {{"Luz", 0.2}};
    assert_string_equal(winner(r, 1), "Luz");
    assert_true(least() > 0.99);
    assert_string_equal(winner(r, 0), "");
}

static void test_readings_too_long_or_too_many_are_not_heard(void **state)
{
    (void)state;
    static char endless[VOTE_LETTERS + 2];
    memset(endless, 'x', VOTE_LETTERS + 1);
    struct vote_reading r[VOTE_READINGS + 4] = {{endless, 9}, {"Luz", 1}};
    assert_string_equal(winner(r, 2), "Luz");
    for (int i = 0; i < VOTE_READINGS + 4; i++)
        r[i] = (struct vote_reading){i < VOTE_READINGS ? "Luz" : "Paz", i < VOTE_READINGS ? 1 : 100};
    assert_string_equal(winner(r, VOTE_READINGS + 4), "Luz");
}

static void test_bytes_that_are_no_utf8_are_heard_as_they_are(void **state)
{
    (void)state;
    const struct vote_reading r[] = {{"a\xFF\xC3", 1}, {"a\xFF\xC3", 1}};
    assert_int_equal(vote(r, 2, &won), 0);
    assert_int_equal(won.letter[1], 0xFF);
    assert_int_equal(won.letter[2], 0xC3);
}

static void test_two_letters_that_others_read_as_one_count_once(void **state)
{
    (void)state;
    const struct vote_reading w[] = {{"Row", 1.1}, {"Rolu", 0.8}, {"Rolu", 0.8}, {"Rolu", 0.8}, {"Row", 1.1}};
    assert_string_equal(said(w, 5), "Row");
    const struct vote_reading al[] = {{"Mgunos", 1}, {"Mgunos", 1}, {"Algunos", 1}, {"Algunos", 0.8}};
    assert_string_equal(said(al, 4), "Algunos");
    const struct vote_reading m[] = {{"Mamá", 1}, {"Marná", 1}, {"Mamá", 1}};
    assert_string_equal(said(m, 3), "Mam?");
}

static void test_letters_that_look_like_a_w_may_be_one_where_some_reading_says_so_or_the_word(void **state)
{
    (void)state;
    const struct vote_reading r[] = {{"Buttonulood", 0.94}, {"Busttonulood", 0.64}, {"Buttonulood", 1}, {"Buttonwood", 0.61}, {"Buettonuood", 0.56}};
    assert_string_equal(said(r, 5), "Buttonwood");
    assert_true(least() < 0.3); /* and is doubted */
}

static void test_a_word_with_letters_like_a_w_stays_and_is_as_sure_as_before(void **state)
{
    (void)state;
    static const char *const words[] = {"Paul", "Luis Quintana", "Julia Guillén", "David", "vacuum", "Fulvia Elvira"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct vote_reading r[] = {{words[i], 0.9}, {words[i], 1}, {words[i], 0.5}};
        size_t letters = strlen(said(r, 3));
        assert_in_range(letters, strlen(words[i]) - 1, strlen(words[i])); /* one of them has an accent */
        assert_true(least() > 0.99);
        for (int k = 0; k < won.n; k++) assert_true(won.letter[k] != 'w');
    }
}

static void test_an_enye_before_a_vowel_that_won_is_not_given_up_for_a_commoner_letter(void **state)
{
    (void)state;
    const struct vote_reading seen[] = {{"Ifiaki", 1.08}, {"I\xC3\xB1" "aki", 0.54}, {"I\xC3\xB1" "aki", 0.51}, {"T\xC3\xB1" "aki", 0.5}, {"Thaki", 1.1}};
    assert_string_equal(said(seen, 5), "I?aki");
    const struct vote_reading imagined[] = {{"Arco\xC3\xB1ris", 1}, {"Arcoiris", 0.9}}; /* no word has one before an r */
    assert_string_equal(said(imagined, 2), "Arcoiris");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_letter_is_what_most_readings_have_there),
        cmocka_unit_test(test_a_letter_that_only_some_saw_needs_most_of_the_weight),
        cmocka_unit_test(test_a_small_mark_needs_less_to_stand_against_none),
        cmocka_unit_test(test_a_gap_between_words_needs_less_too),
        cmocka_unit_test(test_weight_counts_not_numbers),
        cmocka_unit_test(test_words_are_letters_with_spaces_between),
        cmocka_unit_test(test_letters_beyond_ascii_are_one_letter),
        cmocka_unit_test(test_one_reading_wins_alone_and_none_wins_nothing),
        cmocka_unit_test(test_readings_too_long_or_too_many_are_not_heard),
        cmocka_unit_test(test_two_letters_that_others_read_as_one_count_once),
        cmocka_unit_test(test_letters_that_look_like_a_w_may_be_one_where_some_reading_says_so_or_the_word),
        cmocka_unit_test(test_a_word_with_letters_like_a_w_stays_and_is_as_sure_as_before),
        cmocka_unit_test(test_an_enye_before_a_vowel_that_won_is_not_given_up_for_a_commoner_letter),
        cmocka_unit_test(test_bytes_that_are_no_utf8_are_heard_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
