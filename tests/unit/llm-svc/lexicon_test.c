/* What is known of names and places tells a misread word from a rare one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "llm-svc/lexicon.h"

static lexicon_t *lexicon;
static char path[] = "/tmp/sheaf-schools-XXXXXX";

static int open_lexicon(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    FILE *file = fdopen(fd, "w");
    fputs("School,City\r\n\"Quarry Lantern School\",Ashby\nEscuela \xC3\x91\x61nd\xC3\xBA\nTwin Rock "
          "East\nTwin Rock West\n",
          file);
    fclose(file);
    lexicon = lexicon_new(path, NULL);
    unlink(path);
    return lexicon ? 0 : -1;
}

static int close_lexicon(void **state)
{
    (void)state;
    lexicon_destroy(&lexicon);
    return 0;
}

static void test_the_list_of_schools_is_the_first_column_without_its_heading(void **state)
{
    (void)state;
    const char *folded;
    assert_int_equal(lexicon_n_schools(lexicon), 4);
    assert_string_equal(lexicon_school(lexicon, 0, &folded), "Quarry Lantern School");
    assert_string_equal(folded, "quarry lantern school");
    assert_string_equal(lexicon_school(lexicon, 1, &folded), "Escuela \xC3\x91\x61nd\xC3\xBA");
    assert_string_equal(folded, "escuela nandu");
}

static void test_a_word_of_a_schools_name_with_one_letter_wrong_is_the_known_word(void **state)
{
    (void)state;
    assert_string_equal(lexicon_nearest(lexicon, FORM_SCHOOL, "qrimaria"), "Primaria");
    assert_string_equal(lexicon_nearest(lexicon, FORM_SCHOOL, "schoo"), "School");
}

static void test_two_letters_wrong_short_words_and_ties_are_left(void **state)
{
    (void)state;
    assert_null(lexicon_nearest(lexicon, FORM_SCHOOL, "buttonwood")); /* not Cottonwood */
    assert_null(lexicon_nearest(lexicon, FORM_SCHOOL, "hilt"));
    assert_null(lexicon_nearest(lexicon, FORM_SCHOOL, "primara")); /* Primaria or Primary */
}

static void test_a_persons_name_is_never_taken_for_another(void **state)
{
    (void)state;
    assert_null(lexicon_nearest(lexicon, FORM_NAME, "gabricl"));
    assert_true(lexicon_knows(lexicon, FORM_NAME, "gabriel"));
    assert_false(lexicon_knows(lexicon, FORM_NAME, "gabricl"));
}

static void test_a_list_of_schools_in_another_encoding_is_refused_by_its_line(void **state)
{
    (void)state;
    char latin[] = "/tmp/sheaf-latin-XXXXXX";
    struct err err = {0};
    int fd = mkstemp(latin);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs("School\nTwin Rock East\nColegio Pe\xF1\x61scal\n", file);
    fclose(file);
    lexicon_t *none = lexicon_new(latin, &err);
    unlink(latin);
    assert_null(none);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "line 3"));
    assert_non_null(strstr(err.text, "UTF-8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list_of_schools_is_the_first_column_without_its_heading),
        cmocka_unit_test(test_a_word_of_a_schools_name_with_one_letter_wrong_is_the_known_word),
        cmocka_unit_test(test_two_letters_wrong_short_words_and_ties_are_left),
        cmocka_unit_test(test_a_persons_name_is_never_taken_for_another),
        cmocka_unit_test(test_a_list_of_schools_in_another_encoding_is_refused_by_its_line),
    };
    return cmocka_run_group_tests(tests, open_lexicon, close_lexicon);
}
