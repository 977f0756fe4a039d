#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/utf8.h"

/* The text is these characters, up to the 0. */
static void reads(const char *text, const uint32_t *want)
{
    const char *at = text;
    for (; *want; want++) assert_int_equal(utf8_next(&at), *want);
    assert_int_equal(utf8_next(&at), 0);
    assert_ptr_equal(at, text + strlen(text));
}

/* No byte of it begins a character. */
static void is_none(const char *bytes)
{
    assert_false(utf8_is(bytes));
    assert_int_equal(utf8_count(bytes, strlen(bytes)), strlen(bytes));
    for (const char *at = bytes; *at;) {
        const char *next = at;
        assert_int_equal(utf8_length(at), 0);
        assert_int_equal(utf8_next(&next), UTF8_BAD);
        assert_ptr_equal(next, ++at);
    }
}

static void test_a_text_is_its_code_points(void **state)
{
    (void)state;
    reads("", (const uint32_t[]){0});
    reads("a\x7F", (const uint32_t[]){'a', 0x7F, 0});
    reads("\xC2\x80\xC3\xB1\xDF\xBF", (const uint32_t[]){0x80, 0xF1, 0x7FF, 0});
    reads("\xE0\xA0\x80\xE2\x82\xAC\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", (const uint32_t[]){0x800, 0x20AC, 0xD7FF, 0xE000, 0xFFFF, 0});
    reads("\xF0\x90\x80\x80\xF0\x9F\x93\x84\xF4\x8F\xBF\xBF", (const uint32_t[]){0x10000, 0x1F4C4, 0x10FFFF, 0});
}

static void test_the_end_is_0_and_is_not_passed(void **state)
{
    (void)state;
    const char *text = "a\0b", *at = text + 1;
    assert_int_equal(utf8_next(&at), 0);
    assert_int_equal(utf8_next(&at), 0);
    assert_ptr_equal(at, text + 1);
    assert_int_equal(utf8_length(at), 1);
}

static void test_overlong_forms_are_none(void **state)
{
    (void)state;
    is_none("\xC0\x80"); /* NUL, which would end a text in the middle */
    is_none("\xC0\xAF");
    is_none("\xC1\xBF");
    is_none("\xE0\x80\x80");
    is_none("\xE0\x9F\xBF");
    is_none("\xF0\x80\x80\x80");
    is_none("\xF0\x8F\xBF\xBF");
}

static void test_surrogates_are_none(void **state)
{
    (void)state;
    is_none("\xED\xA0\x80");
    is_none("\xED\xBF\xBF");
    is_none("\xED\xA0\xBD\xED\xB3\x84"); /* a pair is none either */
}

static void test_values_above_the_last_code_point_are_none(void **state)
{
    (void)state;
    is_none("\xF4\x90\x80\x80");
    is_none("\xF5\x80\x80\x80");
    is_none("\xF8\x88\x80\x80\x80");
    is_none("\xFE\xFF");
}

static void test_a_byte_that_goes_on_with_nothing_is_none(void **state)
{
    (void)state;
    is_none("\x80");
    is_none("\xBF\xBF\xBF\xBF\xBF");
    reads("\xC3\xB1\xB1z", (const uint32_t[]){0xF1, UTF8_BAD, 'z', 0});
}

static void test_a_character_cut_off_is_none_and_takes_nothing_of_the_next(void **state)
{
    (void)state;
    is_none("\xC3");
    is_none("\xE2\x82");
    is_none("\xF0\x9F\x93");
    reads("\xC3z", (const uint32_t[]){UTF8_BAD, 'z', 0});
    reads("\xE2\x82\xC3\xB1", (const uint32_t[]){UTF8_BAD, UTF8_BAD, 0xF1, 0});
    reads("\xF0\x9F\x93\xF0\x9F\x93\x84", (const uint32_t[]){UTF8_BAD, UTF8_BAD, UTF8_BAD, 0x1F4C4, 0});
}

static void test_the_sign_for_a_bad_byte_is_a_character_itself(void **state)
{
    (void)state;
    reads("\xEF\xBF\xBD", (const uint32_t[]){UTF8_BAD, 0});
    assert_int_equal(utf8_length("\xEF\xBF\xBD"), 3);
    assert_true(utf8_is("\xEF\xBF\xBD"));
}

static void test_utf8_is_so_throughout(void **state)
{
    (void)state;
    assert_true(utf8_is(""));
    assert_true(utf8_is("Pe\xC3\xB1\xC3\xB3n \xE2\x82\xAC \xF0\x9F\x93\x84"));
    assert_false(utf8_is("a\xFFz"));
    assert_false(utf8_is("a\xC3"));
}

static void test_every_code_point_is_put_as_it_is_read(void **state)
{
    (void)state;
    for (uint32_t c = 1; c <= 0x10FFFF; c++) {
        char text[UTF8_BYTES + 1] = "";
        const char *at = text;
        size_t n = utf8_put(text, c);
        text[n] = '\0';
        uint32_t read = utf8_next(&at);
        if (c >= 0xD800 && c <= 0xDFFF) {
            assert_int_equal(read, UTF8_BAD);
        } else if (read != c || at != text + n || utf8_length(text) != n) {
            fail_msg("U+%04X", (unsigned)c);
        }
    }
}

static void test_nul_is_put_as_one_byte_and_no_code_point_as_the_bad_sign(void **state)
{
    (void)state;
    char to[UTF8_BYTES] = "xyz";
    assert_int_equal(utf8_put(to, 0), 1);
    assert_memory_equal(to, "\0yz", 3);
    assert_int_equal(utf8_put(to, 0x110000), 3);
    assert_memory_equal(to, "\xEF\xBF\xBD", 3);
    assert_int_equal(utf8_put(to, UINT32_MAX), 3);
}

static void test_a_text_that_is_too_long_is_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(utf8_fit("", 3), 0);
    assert_int_equal(utf8_fit("abc", 0), 0);
    assert_int_equal(utf8_fit("abc", 5), 3);
    assert_int_equal(utf8_fit("abc", 3), 3);
    assert_int_equal(utf8_fit("abcd", 3), 3);
    assert_int_equal(utf8_fit("a\xC3\xB1z", 2), 1);
    assert_int_equal(utf8_fit("a\xC3\xB1z", 3), 3);
    for (size_t max = 1; max < 5; max++) assert_int_equal(utf8_fit("a\xF0\x9F\x93\x84z", max), 1);
    assert_int_equal(utf8_fit("a\xF0\x9F\x93\x84z", 5), 5);
    assert_int_equal(utf8_fit("\xF0\x9F\x93\x84", 3), 0);
    assert_int_equal(utf8_fit("\xF0\x9F\x93\x84", 4), 4);
}

static void test_bytes_that_are_no_character_are_cut_anywhere(void **state)
{
    (void)state;
    assert_int_equal(utf8_fit("\x80\x80\x80\x80\x80\x80", 5), 5); /* so that who goes on behind a cut gets on */
    assert_int_equal(utf8_fit("\xC3\xC3\xC3", 2), 2);
    assert_int_equal(utf8_fit("a\xC3", 2), 2);
    assert_int_equal(utf8_fit("\xE2\x82z", 1), 1);
}

static void test_characters_are_counted_that_begin_in_a_part(void **state)
{
    (void)state;
    static const char text[] = "a\xC3\xB1\xF0\x9F\x93\x84\xFFz"; /* five in nine bytes */
    static const size_t begun[] = {0, 1, 2, 2, 3, 3, 3, 3, 4, 5, 5};
    for (size_t len = 0; len < COUNT_OF(begun); len++) assert_int_equal(utf8_count(text, len), begun[len]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_is_its_code_points),
        cmocka_unit_test(test_the_end_is_0_and_is_not_passed),
        cmocka_unit_test(test_overlong_forms_are_none),
        cmocka_unit_test(test_surrogates_are_none),
        cmocka_unit_test(test_values_above_the_last_code_point_are_none),
        cmocka_unit_test(test_a_byte_that_goes_on_with_nothing_is_none),
        cmocka_unit_test(test_a_character_cut_off_is_none_and_takes_nothing_of_the_next),
        cmocka_unit_test(test_the_sign_for_a_bad_byte_is_a_character_itself),
        cmocka_unit_test(test_utf8_is_so_throughout),
        cmocka_unit_test(test_every_code_point_is_put_as_it_is_read),
        cmocka_unit_test(test_nul_is_put_as_one_byte_and_no_code_point_as_the_bad_sign),
        cmocka_unit_test(test_a_text_that_is_too_long_is_cut_between_characters),
        cmocka_unit_test(test_bytes_that_are_no_character_are_cut_anywhere),
        cmocka_unit_test(test_characters_are_counted_that_begin_in_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
