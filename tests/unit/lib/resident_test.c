#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
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

/* How much of the mapping that an address lies in is in memory. */
static long resident_kib_at(const void *address)
{
    char line[512];
    long kib = -1;
    bool inside = false;
    FILE *f = fopen("/proc/self/smaps", "r");
    assert_non_null(f);
    while (kib < 0 && fgets(line, sizeof line, f)) {
        uintptr_t from, to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            inside = from <= (uintptr_t)address && (uintptr_t)address < to;
        else if (inside && sscanf(line, "Rss: %ld", &kib) != 1)
            kib = -1;
    }
    (void)fclose(f);
    return kib;
}

/* Like the symbols of libraries: only read, and by the start alone. */
static void test_tables_that_were_read_once_go_back_and_are_there_when_they_are_read_again(void **state)
{
    static const unsigned char table[1 << 20] = {[0] = 7, [(1 << 20) - 1] = 9};
    unsigned sum = 0;
    (void)state;
    for (size_t i = 0; i < sizeof table; i += 1024) sum += ((const volatile unsigned char *)table)[i];
    assert_int_equal(sum, 7);
    long before = resident_kib_at(table);
    assert_true(before >= 1024);
    resident_trim();
    assert_true(resident_kib_at(table) < before / 2);
    assert_int_equal(((const volatile unsigned char *)table)[sizeof table - 1], 9);
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
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their malloc keeps what is freed, on purpose */
#endif
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
                                       cmocka_unit_test(test_tables_that_were_read_once_go_back_and_are_there_when_they_are_read_again),
                                       cmocka_unit_test(test_what_was_freed_between_what_stays_goes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
