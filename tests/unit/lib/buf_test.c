#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

static void assert_json(const char *text, const char *want)
{
    struct buf b = BUF_INIT;
    buf_json_string(&b, text);
    assert_false(b.bad);
    assert_string_equal(b.data, want);
    buf_done(&b);
}

static void test_appends_grow_and_stay_terminated(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 1000; i++) buf_printf(&b, "%03d", i);
    buf_putc(&b, '!');
    buf_add(&b, "a\0b", 3);
    assert_false(b.bad);
    assert_int_equal(b.len, 3004);
    assert_int_equal(b.data[b.len], '\0');
    assert_memory_equal(b.data + 2997, "999!a\0b", 7);
    buf_done(&b);
    assert_null(b.data);
}

/* One byte less than fits, what just fits beside the NUL, and one more. */
static void test_printf_fills_the_room_to_its_last_byte_and_grows_behind_it(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct buf b = BUF_INIT;
        buf_puts(&b, "x");
        int width = (int)(b.cap - b.len - 1) + over;
        buf_printf(&b, "%0*d", width, 7);
        assert_int_equal(b.len, 1 + width);
        assert_string_equal(b.data + b.len - 2, "07");
        buf_printf(&b, "%s", "end");
        assert_string_equal(b.data + b.len - 5, "07end");
        assert_int_equal(strlen(b.data), 1 + width + 3);
        buf_done(&b);
    }
}

static void test_printf_takes_what_is_longer_than_the_first_memory(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    char text[500];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    buf_printf(&b, "<%s>", text);
    assert_int_equal(b.len, 501);
    assert_int_equal(b.data[500], '>');
    buf_done(&b);
}

static void test_a_failed_allocation_sticks_and_later_appends_do_nothing(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_puts(&b, "ok");
    buf_add(&b, "x", SIZE_MAX / 2);
    assert_true(b.bad);
    buf_puts(&b, "more");
    assert_int_equal(b.len, 2);
    size_t len = 77;
    assert_null(buf_take(&b, &len));
    assert_int_equal(len, 77);
    assert_null(b.data);
}

static void test_take_gives_the_text_away_even_an_empty_one(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    size_t len = 77;
    char *text = buf_take(&b, &len);
    assert_string_equal(text, "");
    assert_int_equal(len, 0);
    free(text);
    buf_puts(&b, "abc");
    text = buf_take(&b, &len);
    assert_string_equal(text, "abc");
    assert_int_equal(len, 3);
    assert_null(b.data);
    free(text);
}

static void test_json_escapes_controls_quotes_and_backslashes(void **state)
{
    (void)state;
    assert_json("", "\"\"");
    assert_json("a\"b\\c\n\r\t\x01\x7F", "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f\"");
}

static void test_json_keeps_valid_utf8(void **state)
{
    (void)state;
    assert_json("Peñ\xC3\xB3n \xE2\x82\xAC \xF0\x9F\x93\x84",
                "\"Peñ\xC3\xB3n \xE2\x82\xAC \xF0\x9F\x93\x84\"");
}

static void test_json_replaces_invalid_utf8_byte_by_byte(void **state)
{
    (void)state;
    assert_json("a\xFFz", "\"a\xEF\xBF\xBDz\"");
    assert_json("\xC3", "\"\xEF\xBF\xBD\"");                                 /* cut off */
    assert_json("\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                 /* overlong */
    assert_json("\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* a surrogate */
    assert_json("\xE2\x82z", "\"\xEF\xBF\xBD\xEF\xBF\xBDz\"");               /* broken in the middle */
    assert_json("\xF4\x90\x80\x80",
                "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* above U+10FFFF */
}

static void test_a_character_is_put_as_utf8(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_put_utf8(&b, 'a');
    buf_put_utf8(&b, 0xF1);
    buf_put_utf8(&b, 0x1F4C4);
    assert_string_equal(b.data, "a\xC3\xB1\xF0\x9F\x93\x84");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_grow_and_stay_terminated),
        cmocka_unit_test(test_printf_fills_the_room_to_its_last_byte_and_grows_behind_it),
        cmocka_unit_test(test_printf_takes_what_is_longer_than_the_first_memory),
        cmocka_unit_test(test_a_failed_allocation_sticks_and_later_appends_do_nothing),
        cmocka_unit_test(test_take_gives_the_text_away_even_an_empty_one),
        cmocka_unit_test(test_json_escapes_controls_quotes_and_backslashes),
        cmocka_unit_test(test_json_keeps_valid_utf8),
        cmocka_unit_test(test_json_replaces_invalid_utf8_byte_by_byte),
        cmocka_unit_test(test_a_character_is_put_as_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
