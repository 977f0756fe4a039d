#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/filename.h"

static void becomes(const char *raw, const char *expected)
{
    char out[FILENAME_BYTES + 1];
    filename_clean(raw, out);
    assert_string_equal(out, expected);
}

static void test_plain_names_stay(void **state)
{
    (void)state;
    becomes("essay.pdf", "essay.pdf");
    becomes("Ana's \"best\" essay (2).pdf", "Ana's \"best\" essay (2).pdf");
    becomes("ni\xc3\xb1o \xf0\x9f\x98\x80.pdf", "ni\xc3\xb1o \xf0\x9f\x98\x80.pdf");
}

static void test_folders_are_cut_off(void **state)
{
    (void)state;
    becomes("../../etc/passwd", "passwd");
    becomes("C:\\Users\\x\\a.pdf", "a.pdf");
    becomes("a/b\\c/", "document");
    becomes("..", "document");
    becomes("", "document");
    becomes("   ", "document");
}

static void test_control_characters_and_bad_utf8_are_replaced(void **state)
{
    (void)state;
    becomes("a\nb\x7f.pdf", "a\xef\xbf\xbd"
                            "b\xef\xbf\xbd.pdf");
    becomes("a\xc2\x9b.pdf", "a\xef\xbf\xbd.pdf");
    becomes("gpj.\xe2\x80\xae"
            "fdp.exe",
            "gpj.\xef\xbf\xbd"
            "fdp.exe");
    becomes("a\xd8\x9c"
            "b.pdf",
            "a\xef\xbf\xbd"
            "b.pdf"); /* the Arabic letter mark */
    becomes("a\xff.pdf", "a\xef\xbf\xbd.pdf");
    becomes("a\xc3", "a\xef\xbf\xbd");
    becomes("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong */
    becomes("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
}

static void test_long_names_are_cut_between_characters_and_keep_their_extension(void **state)
{
    char raw[600], out[FILENAME_BYTES + 1];
    (void)state;
    for (int i = 0; i < 250; i++) memcpy(raw + 2 * i, "\xc3\xb1", 2);
    strcpy(raw + 500, ".pdf");
    filename_clean(raw, out);
    assert_int_equal(strlen(out), 200);
    assert_string_equal(out + 196, ".pdf");
    raw[0] = 'x';
    memmove(raw + 1, raw + 2, strlen(raw + 2) + 1); /* now characters begin at odd places */
    filename_clean(raw, out);
    assert_int_equal(strlen(out), 199);
    memset(raw, 'a', sizeof raw);
    raw[500] = '\0';
    filename_clean(raw, out);
    assert_int_equal(strlen(out), FILENAME_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_names_stay),
        cmocka_unit_test(test_folders_are_cut_off),
        cmocka_unit_test(test_control_characters_and_bad_utf8_are_replaced),
        cmocka_unit_test(test_long_names_are_cut_between_characters_and_keep_their_extension),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
