#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    (void)fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* One piece in eight stays, so that the heap cannot shrink from its end. */
static void test_what_was_freed_between_what_stays_goes_back(void **state)
{
    enum { PIECES = 1024, PIECE = 16 * 1024 };
    static char *piece[PIECES];
    (void)state;
    for (int i = 0; i < PIECES; i++) {
        piece[i] = malloc(PIECE);
        assert_non_null(piece[i]);
        memset(piece[i], i, PIECE);
    }
    for (int i = 0; i < PIECES; i++)
        if (i % 8) free(piece[i]);
    long before = resident_kib();
    resident_ease();
    assert_true(before - resident_kib() > PIECES * PIECE / 1024 / 2);
    for (int i = 0; i < PIECES; i += 8) {
        assert_int_equal(piece[i][PIECE - 1], (char)i);
        free(piece[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_trim_leaves_code_and_data_as_they_were),
                                       cmocka_unit_test(test_what_was_freed_between_what_stays_goes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
