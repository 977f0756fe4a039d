#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/smtpc.h"

static void check(const char *line, const char *expected)
{
    char status[SMTPC_STATUS_MAX];
    smtpc_status(line, strlen(line), status);
    assert_string_equal(status, expected);
}

static void test_status_keeps_the_codes_and_nothing_that_names_a_person(void **state)
{
    (void)state;
    check("550 5.1.1 <ana@example.org> unknown\r\n", "550 5.1.1");
    check("250-SIZE 1000\r\n", "250");
    check("452 4.2.2 full", "452 4.2.2");
    check("550-5.7.26 not aligned", "550 5.7.26");
    check("550 ana@example.org", "550");
    check("550 4.1.1 of another class", "550");
    check("550", "550");
    check("550 5.12345678901234567890", "550 5.123456789");
    check("", "");
    check("hello", "");
    check("55", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_status_keeps_the_codes_and_nothing_that_names_a_person)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
