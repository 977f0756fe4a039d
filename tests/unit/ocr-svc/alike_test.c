/* ocr-svc/alike: letters of a reading that may be another. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "ocr-svc/alike.h"

static void assert_alike(const char *text, const char *other)
{
    char out[ALIKE_BYTES];
    bool any = alike(text, out);
    assert_int_equal(any, other != NULL);
    if (other) assert_string_equal(out, other);
}

static void test_two_letters_that_look_like_a_w_may_be_one(void **state)
{
    (void)state;
    assert_alike("Buttonulood", "Buttonwood");
    assert_alike("Pemberuihistle vvood", "Pemberwhistle wood");
    assert_alike("Gretonviood Gramm\xC3\xA1r", "Gretonwood Gramm\xC3\xA1r");
}

static void test_where_nothing_looks_like_another_there_is_no_other(void **state)
{
    (void)state;
    assert_alike("Buttonwood", NULL);
    assert_alike("U. Lee", NULL);
    assert_alike("", NULL);
}

static void test_addresses_and_what_is_too_long_are_left_as_they_are(void **state)
{
    (void)state;
    char endless[ALIKE_BYTES + 1] = {0};
    memset(endless, 'u', ALIKE_BYTES);
    assert_alike("ulises@mail.org", NULL);
    assert_alike(endless, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_letters_that_look_like_a_w_may_be_one),
        cmocka_unit_test(test_where_nothing_looks_like_another_there_is_no_other),
        cmocka_unit_test(test_addresses_and_what_is_too_long_are_left_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
