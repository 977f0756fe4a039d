/* ocr-svc/providers/tesseract: a page that lies upside down is read the right way up, however little its strokes tell.
 *
 * upside_down.png: the end of an essay by hand, made with tests/accuracy/generate.py, turned by 180 degrees. The strokes that rise above its lines
 * do not outweigh those that fall below them, so that orientation.c leaves it as it lies; read so, it comes out at 0.35. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/embed.h"
#include "ocr-svc/providers/tesseract.h"

EMBED(upside_down, "tests/unit/ocr-svc/upside_down.png");

enum { NEAR = 50 }; /* PAGE_UNITS; its slant is taken out of another picture */

extern const struct ocr_provider ocr_tesseract;

static int open_engine(void **state)
{
    return ocr_tesseract.open(NULL, NULL, state, NULL);
}

static int close_engine(void **state)
{
    ocr_tesseract.close(*state);
    return 0;
}

static const struct page_word *word_of(const struct page *page, const char *text)
{
    for (size_t i = 0; i < page->n_words; i++)
        if (!strcmp(page_word_text(page, &page->words[i]), text)) return &page->words[i];
    return NULL;
}

/* Reads the picture turned clockwise by so many quarters. */
static void read_turned(void *engine, int quarters, struct page *page)
{
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000};
    PIX *coloured = pixReadMem((const l_uint8 *)upside_down, upside_down_size), *grey = pixConvertTo8(coloured, 0);
    PIX *turned = pixRotateOrth(grey, quarters);
    int width = pixGetWidth(turned), height = pixGetHeight(turned);
    PIX *bytes = pixEndianByteSwapNew(turned);
    struct ocr_image image = {.grey = (const uint8_t *)pixGetData(bytes), .width = width, .height = height,
                              .stride = 4 * (size_t)pixGetWpl(bytes), .dpi = 150};
    page_init(page, 1);
    page->width = 612, page->height = 360;
    assert_int_equal(ocr_tesseract.recognise(engine, &image, &wait, page, NULL), 0);
    pixDestroy(&bytes);
    pixDestroy(&turned);
    pixDestroy(&grey);
    pixDestroy(&coloured);
}

static void test_a_page_that_is_read_badly_is_read_the_other_way_up_too(void **state)
{
    struct page page;
    read_turned(*state, 0, &page);
    assert_int_equal(page.rotation, 180);
    assert_non_null(word_of(&page, "primera"));
    assert_true(page_confidence(&page) > 0.5);
    page_done(&page);
}

static void test_where_its_words_stand_is_where_they_stand_upright(void **state)
{
    struct page turned, upright;
    read_turned(*state, 0, &turned);
    read_turned(*state, 2, &upright);
    assert_int_equal(upright.rotation, 0);
    const struct page_word *a = word_of(&turned, "primera"), *b = word_of(&upright, "primera");
    assert_true(a && b);
    assert_in_range(a->box.left, b->box.left - NEAR, b->box.left + NEAR);
    assert_in_range(a->box.top, b->box.top - NEAR, b->box.top + NEAR);
    page_done(&turned);
    page_done(&upright);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_page_that_is_read_badly_is_read_the_other_way_up_too, open_engine, close_engine),
        cmocka_unit_test_setup_teardown(test_where_its_words_stand_is_where_they_stand_upright, open_engine, close_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
