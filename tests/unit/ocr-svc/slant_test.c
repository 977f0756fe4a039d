/* ocr-svc/providers/slant: pages that are drawn here, turned, and told by how much. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "ocr-svc/providers/sheet.h"

enum { WIDTH = 1700, HEIGHT = 2200, PAPER = 245 };
#define DEGREE (3.14159265358979 / 180)

static PIX *paper(int light)
{
    PIX *pix = pixCreate(WIDTH, HEIGHT, 8);
    (void)pixSetAllGray(pix, light);
    return pix;
}

static void rectangle(PIX *pix, int left, int top, int right, int bottom, l_uint32 grey)
{
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) (void)pixSetPixel(pix, x, y, grey);
}

/* Lines of words, `lines` of them; each word's letters are strokes that stand on the line and rise unevenly above it. */
static void write_lines(PIX *pix, int lines, l_uint32 ink)
{
    srand(5);
    for (int i = 0; i < lines; i++)
        for (int x = 200 + rand() % 60; x < 1450; x += 13 + rand() % 7) { /* no columns */
            int y = 250 + i * 60, rise = 12 + rand() % 14;
            if (rand() % 6 > 0) rectangle(pix, x, y - rise, x + 5, y, ink);
        }
}

static void rule(PIX *pix, l_uint32 ink)
{
    for (int y = 260; y < 2000; y += 60) rectangle(pix, 150, y, 1550, y + 2, ink);
}

/* Turned by so many degrees counter-clockwise: what has to be undone. */
static PIX *turned(PIX *pix, double degrees)
{
    PIX *out = pixRotate(pix, (l_float32)(-degrees * DEGREE), L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0);
    pixDestroy(&pix);
    return out;
}

/* A sheet whose edges are turned so, on a table. */
static PIX *on_a_table(PIX *pix, double degrees, l_uint32 table)
{
    double c = cos(degrees * DEGREE), s = sin(degrees * DEGREE);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double u = (x - WIDTH / 2) * c - (y - HEIGHT / 2) * s, v = (y - HEIGHT / 2) * c + (x - WIDTH / 2) * s;
            if (fabs(u) > WIDTH / 2 - 80 || fabs(v) > HEIGHT / 2 - 90) (void)pixSetPixel(pix, x, y, table);
        }
    return pix;
}

static bool assert_slant(PIX *pix, double degrees, double within)
{
    bool on_its_side = true;
    double found = sheet_slant(pix, &on_its_side) / DEGREE;
    pixDestroy(&pix);
    if (fabs(found - degrees) > within) fail_msg("%.2f degrees were found to be %.2f", degrees, found);
    return on_its_side;
}

static void test_lines_of_text_are_put_straight(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        static const double degrees[] = {-3, -0.5, 2, 5};
        PIX *pix = paper(PAPER);
        write_lines(pix, 25, 30);
        assert_slant(turned(pix, degrees[i]), degrees[i], 0.1);
    }
}

static void test_a_straight_page_stays_as_it_is(void **state)
{
    (void)state;
    PIX *pix = paper(PAPER);
    write_lines(pix, 25, 30);
    assert_false(assert_slant(pix, 0, 0));
}

static void test_pale_rules_tell_where_there_are_few_words(void **state)
{
    (void)state;
    PIX *pix = paper(PAPER);
    rule(pix, 180);
    assert_slant(turned(pix, 3), 3, 0.1);
}

static void test_a_sheet_on_a_dark_table_is_told_by_its_writing(void **state)
{
    (void)state;
    PIX *pix = paper(120); /* in the dark: all of it is darker than ink on other sheets */
    write_lines(pix, 12, 40);
    assert_false(assert_slant(on_a_table(turned(pix, -2), -2, 60), -2, 0.2));
}

/* As a camera held askew sees it: the text tells, not the sheet's edges, though they are clearer than a few lines. */
static void test_the_edges_of_a_sheet_are_no_lines(void **state)
{
    (void)state;
    PIX *pix = paper(PAPER);
    write_lines(pix, 9, 40);
    assert_false(assert_slant(on_a_table(turned(pix, -2), -3.5, 60), -2, 0.3));
}

static void test_a_page_on_its_side_is_as_slanted_as_upright(void **state)
{
    (void)state;
    PIX *pix = paper(PAPER);
    write_lines(pix, 25, 30);
    rule(pix, 150);
    PIX *askew = turned(pix, 2), *side = pixRotateOrth(askew, 1);
    pixDestroy(&askew);
    assert_true(assert_slant(side, 2, 0.1));
}

static void test_what_has_no_lines_has_no_slant(void **state)
{
    (void)state;
    assert_slant(paper(PAPER), 0, 0);
    PIX *pix = paper(PAPER);
    srand(9);
    for (int i = 0; i < 3000; i++) {
        int x = rand() % (WIDTH - 20), y = rand() % (HEIGHT - 20);
        rectangle(pix, x, y, x + 3 + rand() % 12, y + 3 + rand() % 12, 20);
    }
    assert_false(assert_slant(pix, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_text_are_put_straight),
        cmocka_unit_test(test_a_straight_page_stays_as_it_is),
        cmocka_unit_test(test_pale_rules_tell_where_there_are_few_words),
        cmocka_unit_test(test_a_sheet_on_a_dark_table_is_told_by_its_writing),
        cmocka_unit_test(test_the_edges_of_a_sheet_are_no_lines),
        cmocka_unit_test(test_a_page_on_its_side_is_as_slanted_as_upright),
        cmocka_unit_test(test_what_has_no_lines_has_no_slant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
