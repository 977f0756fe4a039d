/* An essay is what stands under its heading, in reading order, with all of its words. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "page_lines.h"

static void test_a_stroke_as_high_as_a_letter_is_the_word_i(void **state)
{
    (void)state;
    struct entry entry;
    entry_of_lines((const char *const[]){"800 1000 Student: Ana Soler", "800 1300 Grade: 5",
                                         "800 2000 My Essay",
                                         "800 2300 | think that |'m happy when [ sing. |t rains.", NULL},
                   'o', &entry);
    assert_string_equal(entry.essay, "I think that I'm happy when I sing. It rains.");
    assert_int_equal(entry.essay_words, 10);
    entry_done(&entry);
}

static void test_a_stroke_of_a_text_layer_is_itself(void **state)
{
    (void)state;
    struct entry entry;
    entry_of_lines((const char *const[]){"800 1000 Student: Ana Soler", "800 1300 Grade: 5",
                                         "800 2000 My Essay", "800 2300 yes | no", NULL},
                   't', &entry);
    assert_string_equal(entry.essay, "yes | no");
    entry_done(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stroke_as_high_as_a_letter_is_the_word_i),
        cmocka_unit_test(test_a_stroke_of_a_text_layer_is_itself),
    };
    return cmocka_run_group_tests(tests, open_rules, close_rules);
}
