/* ocr-svc/choose: which letters of a vote's places make the likeliest line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "ocr-svc/choose.h"

#define PLACES 64

/* Reads "Wk|hitman" as seven places, of which the second has two letters; the first of them has `first` of the votes, the others share the rest.
 * '_' is none, '~' an ñ. */
static const char *chosen(const char *line, double first)
{
    static char text[PLACES + 1];
    struct choose_place places[PLACES] = {0};
    uint32_t letters[PLACES];
    int n = 0, len = 0;
    for (const char *p = line; *p; p++) {
        if (*p == '|') continue;
        struct choose_place *place = &places[p > line && p[-1] == '|' ? n - 1 : n++];
        place->letter[place->n++] = *p == '_' ? 0 : *p == '~' ? 0xF1 : (unsigned char)*p;
    }
    for (int i = 0; i < n; i++) {
        struct choose_place *p = &places[i];
        p->won = p->letter[0];
        for (int k = 0; k < p->n; k++) p->share[k] = p->n == 1 ? 1 : k == 0 ? (float)first : (float)((1 - first) / (p->n - 1));
    }
    assert_int_equal(choose(places, n, letters), 0);
    for (int i = 0; i < n; i++)
        if (letters[i]) text[len++] = letters[i] < 0x80 ? (char)letters[i] : '~';
    text[len] = '\0';
    return text;
}

static void test_of_letters_with_nearly_as_many_votes_the_likelier_is_chosen(void **state)
{
    (void)state;
    assert_string_equal(chosen("Wk|hitman", 0.6), "Whitman");
    assert_string_equal(chosen("Rodris|guez", 0.6), "Rodriguez");
    assert_string_equal(chosen("elem|nem|ntary", 0.6), "elementary");
    assert_string_equal(chosen("Sef|~or Luz", 0.6), "Se~or Luz");
    assert_string_equal(chosen("Oakv|uille Miv|ddle", 0.6), "Oakville Middle");
}

static void test_most_of_the_votes_win_against_what_is_likelier(void **state)
{
    (void)state;
    assert_string_equal(chosen("Wk|hitman", 0.97), "Wkitman");
    assert_string_equal(chosen("Leopold_|o", 0.8), "Leopold"); /* a name is not made a commoner one */
    assert_string_equal(chosen("Marti|an", 0.8), "Martin");
    assert_string_equal(chosen("Marta|in", 0.8), "Martan");
}

static void test_letters_that_belong_together_are_chosen_together(void **state)
{
    (void)state;
    assert_string_equal(chosen("BuH|t_|tonwood", 0.55), "Buttonwood"); /* two that were read as one */
    assert_string_equal(chosen("Matt_|hew", 0.5), "Matthew");
}

static void test_a_capital_within_a_word_is_unlikely(void **state)
{
    (void)state;
    assert_string_equal(chosen("BenS|sson", 0.55), "Bensson");
    assert_string_equal(chosen("McD|dowell", 0.55), "McDowell");
    assert_string_equal(chosen("MacD|dowell", 0.55), "MacDowell");
    assert_string_equal(chosen("CARl|LOS", 0.55), "CARLOS");
}

static void test_numbers_addresses_and_initials_stay_as_they_were_voted_for(void **state)
{
    (void)state;
    assert_string_equal(chosen("8tk|h", 0.5), "8tk");
    assert_string_equal(chosen("wk|hitman@mail.org", 0.5), "wkitman@mail.org");
    assert_string_equal(chosen("wk|hitman.b", 0.5), "wkitman.b");
    assert_string_equal(chosen("Q|E", 0.5), "Q");
    assert_string_equal(chosen("Mm.|r", 0.5), "Mm.");
}

static void test_spaces_stay(void **state)
{
    (void)state;
    assert_string_equal(chosen("a |_nd", 0.5), "a nd");
    assert_string_equal(chosen("blue_| folder", 0.5), "bluefolder");
}

static void test_no_place_has_no_letter(void **state)
{
    (void)state;
    assert_string_equal(chosen("", 1), "");
    assert_string_equal(chosen("_", 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_letters_with_nearly_as_many_votes_the_likelier_is_chosen),
        cmocka_unit_test(test_most_of_the_votes_win_against_what_is_likelier),
        cmocka_unit_test(test_letters_that_belong_together_are_chosen_together),
        cmocka_unit_test(test_a_capital_within_a_word_is_unlikely),
        cmocka_unit_test(test_numbers_addresses_and_initials_stay_as_they_were_voted_for),
        cmocka_unit_test(test_spaces_stay),
        cmocka_unit_test(test_no_place_has_no_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
