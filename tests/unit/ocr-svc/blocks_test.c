/* ocr-svc/providers/blocks: what the layout left out is read.
 *
 * askew.png: a form filled in by hand, made with tests/accuracy/generate.py and turned by 3 degrees.  Put straight, Tesseract 5.3.0
 * sees less than half of its 125 words. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/embed.h"
#include "ocr-svc/providers/tesseract.h"

EMBED(askew, "tests/unit/ocr-svc/askew.png");

extern const struct ocr_provider ocr_tesseract;

enum { WORDS = 125 };

struct test {
    struct engine *engine;
    struct sheet sheet;
    struct page page;
};

/* Read once, as tesseract.c does. */
static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof *t);
    void *engine = NULL;
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000};
    PIX *pix = pixReadMem((const l_uint8 *)askew, askew_size);
    t->sheet = (struct sheet){.pix = pixConvertTo8(pix, 0), .dpi = 150};
    pixDestroy(&pix);
    page_init(&t->page, 1);
    t->page.width = 612, t->page.height = 792;
    if (ocr_tesseract.open(NULL, NULL, &engine, NULL) != 0) return -1;
    t->engine = engine;
    sheet_straighten(&t->sheet);
    if (engine_read(t->engine->print, &t->sheet, PSM_AUTO, &wait, &t->page, NULL) != 0) return -1;
    page_straighten(&t->page, t->sheet.slant);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    ocr_tesseract.close(t->engine);
    page_done(&t->page);
    pixDestroy(&t->sheet.pix);
    free(t);
    return 0;
}

static void read_lost(struct test *t)
{
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000};
    read_lost_blocks(t->engine, &t->sheet, &wait, &t->page);
}

/* The page's text in reading order, a blank between words. */
static const char *text_of(struct page *page)
{
    static char text[4096];
    size_t len = 0;
    assert_int_equal(page_set_reading_order(page, NULL), 0);
    for (size_t i = 0; i < page->n_words && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ", page_word_text(page, &page->words[i]));
    return text;
}

static void test_what_the_layout_left_out_is_read(void **state)
{
    struct test *t = *state;
    assert_true(t->page.n_words < WORDS / 2);
    read_lost(t);
    assert_true(t->page.n_words > WORDS * 95 / 100 && t->page.n_words < WORDS * 105 / 100);
}

static void test_it_stands_where_it_is_read(void **state)
{
    struct test *t = *state;
    read_lost(t);
    const char *text = text_of(&t->page);
    const char *label = strstr(text, "Student's Name"), *essay = strstr(text, "Your Essay"), *end = strstr(text, "made in a blue folder");
    assert_true(label && essay && end && label < essay && essay < end);
}

/* The essay's longer words are taken away again: what is cut out then shows the short ones between them, which the page has. */
static void test_nothing_is_read_twice(void **state)
{
    struct test *t = *state;
    size_t kept = 0;
    read_lost(t);
    assert_int_equal(page_set_reading_order(&t->page, NULL), 0);
    for (size_t i = 0; i < t->page.n_words; i++)
        if (t->page.words[i].box.top < 4000 || strlen(page_word_text(&t->page, &t->page.words[i])) < 3) t->page.words[kept++] = t->page.words[i];
    t->page.n_words = kept;
    read_lost(t);
    assert_true(t->page.n_words > kept);
    for (size_t i = 0; i < t->page.n_words; i++)
        for (size_t j = 0; j < t->page.n_words; j++) {
            const struct page_word *a = &t->page.words[i], *b = &t->page.words[j];
            if (i == j || strcmp(page_word_text(&t->page, a), page_word_text(&t->page, b)) != 0) continue;
            assert_false(page_box_holds(&a->box, (b->box.left + b->box.right) / 2, (b->box.top + b->box.bottom) / 2));
        }
}

static void test_a_page_is_read_so(void **state)
{
    struct test *t = *state;
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000};
    PIX *bytes = pixEndianByteSwapNew(t->sheet.pix);
    struct ocr_image image = {.grey = (const uint8_t *)pixGetData(bytes), .width = pixGetWidth(bytes), .height = pixGetHeight(bytes),
                              .stride = (size_t)pixGetWpl(bytes) * 4, .dpi = 150};
    page_drop_all(&t->page);
    assert_int_equal(ocr_tesseract.recognise(t->engine, &image, &wait, &t->page, NULL), 0);
    assert_true(t->page.n_words > WORDS * 95 / 100);
    pixDestroy(&bytes);
}

static void test_when_the_time_is_up_the_page_stays_as_it_is(void **state)
{
    struct test *t = *state;
    struct ocr_wait over = {.deadline_ms = clock_ms() - 1};
    size_t n = t->page.n_words;
    read_lost_blocks(t->engine, &t->sheet, &over, &t->page);
    assert_int_equal(t->page.n_words, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_the_layout_left_out_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_stands_where_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_read_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_page_is_read_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_when_the_time_is_up_the_page_stays_as_it_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
