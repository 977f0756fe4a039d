/* ocr-svc/regions: the parts of a page that are pictures. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include "ocr-svc/regions.h"

static void cover(uint32_t *cells, int left, int top, int right, int bottom)
{
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) cells[y] |= UINT32_C(1) << x;
}

static void assert_region(const struct region *r, double left, double top, double right, double bottom)
{
    assert_true(fabs(r->left * DECODE_CELLS - left) < 0.01 && fabs(r->top * DECODE_CELLS - top) < 0.01);
    assert_true(fabs(r->right * DECODE_CELLS - right) < 0.01 && fabs(r->bottom * DECODE_CELLS - bottom) < 0.01);
}

static void test_page_without_pictures_has_none(void **state)
{
    (void)state;
    uint32_t cells[DECODE_CELLS] = {0};
    struct region all[REGIONS_MAX];
    assert_int_equal(regions_find(cells, all), 0);
    assert_true(regions_share(cells) == 0);
}

static void test_slip_is_the_rectangle_around_it_and_half_a_cell(void **state)
{
    (void)state;
    uint32_t cells[DECODE_CELLS] = {0};
    struct region all[REGIONS_MAX];
    cover(cells, 4, 10, 20, 16);
    assert_int_equal(regions_find(cells, all), 1);
    assert_region(&all[0], 3.5, 9.5, 20.5, 16.5);
    assert_true(fabs(regions_share(cells) - 96.0 / 1024) < 1e-9);
}

static void test_whole_page_ends_at_its_edges(void **state)
{
    (void)state;
    uint32_t cells[DECODE_CELLS] = {0};
    struct region all[REGIONS_MAX];
    cover(cells, 0, 0, DECODE_CELLS, DECODE_CELLS);
    assert_int_equal(regions_find(cells, all), 1);
    assert_region(&all[0], 0, 0, DECODE_CELLS, DECODE_CELLS);
}

static void test_crest_is_no_region(void **state)
{
    (void)state;
    uint32_t cells[DECODE_CELLS] = {0};
    struct region all[REGIONS_MAX];
    cover(cells, 2, 2, 6, 6);
    assert_int_equal(regions_find(cells, all), 0);
}

static void test_slips_apart_are_two_the_larger_first(void **state)
{
    (void)state;
    uint32_t cells[DECODE_CELLS] = {0};
    struct region all[REGIONS_MAX];
    cover(cells, 2, 2, 8, 6);
    cover(cells, 12, 12, 30, 20);
    assert_int_equal(regions_find(cells, all), 2);
    assert_region(&all[0], 11.5, 11.5, 30.5, 20.5);
    assert_region(&all[1], 1.5, 1.5, 8.5, 6.5);
}

/* A frame around a slip: its rectangle holds the slip's. */
static void test_what_lies_within_another_is_read_once(void **state)
{
    (void)state;
    uint32_t cells[DECODE_CELLS] = {0};
    struct region all[REGIONS_MAX];
    cover(cells, 2, 2, 30, 3);
    cover(cells, 2, 2, 3, 30);
    cover(cells, 10, 10, 20, 20);
    assert_int_equal(regions_find(cells, all), 1);
    assert_region(&all[0], 1.5, 1.5, 30.5, 30.5);
}

static void test_however_many_there_are_the_room_is_enough(void **state)
{
    (void)state;
    uint32_t cells[DECODE_CELLS] = {0};
    struct region all[REGIONS_MAX];
    for (int y = 0; y < DECODE_CELLS; y += 2) cover(cells, 0, y, DECODE_CELLS, y + 1);
    assert_true(regions_find(cells, all) <= REGIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_without_pictures_has_none),
        cmocka_unit_test(test_slip_is_the_rectangle_around_it_and_half_a_cell),
        cmocka_unit_test(test_whole_page_ends_at_its_edges),
        cmocka_unit_test(test_crest_is_no_region),
        cmocka_unit_test(test_slips_apart_are_two_the_larger_first),
        cmocka_unit_test(test_what_lies_within_another_is_read_once),
        cmocka_unit_test(test_however_many_there_are_the_room_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
