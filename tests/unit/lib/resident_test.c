#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/resident.h"

static int written = 41; /* relocated or not, what was written stays */

static void test_trim_leaves_code_and_data_as_they_were(void **state)
{
    (void)state;
    char *heap = strdup("kept");
    written++;
    resident_trim();
    resident_trim();
    assert_int_equal(written, 42);
    assert_string_equal(heap, "kept");
    free(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_trim_leaves_code_and_data_as_they_were)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
