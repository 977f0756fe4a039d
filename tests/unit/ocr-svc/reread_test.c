/* ocr-svc/providers/reread: what came out doubtful is read again.
 *
 * handwriting.png: three printed labels with answers by hand, "Ironbark Academy", "Percival Dunmarrow" and
 * "11", at 200 dpi.  Read once by the networks for print, the grade is "[|". */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/embed.h"
#include "ocr-svc/providers/tesseract.h"

EMBED(handwriting, "tests/unit/ocr-svc/handwriting.png");

extern const struct ocr_provider ocr_tesseract;

struct test {
    void *engine;
    uint8_t *grey;
    struct ocr_image image;
    struct page page;
};

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof *t);
    PIX *pix = pixReadMem((const l_uint8 *)handwriting, handwriting_size), *grey = pixConvertTo8(pix, 0);
    int width = pixGetWidth(grey), height = pixGetHeight(grey);
    t->grey = malloc((size_t)width * (size_t)height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            l_uint32 value;
            (void)pixGetPixel(grey, x, y, &value);
            t->grey[y * width + x] = (uint8_t)value;
        }
    }
    pixDestroy(&grey);
    pixDestroy(&pix);
    t->image = (struct ocr_image){
        .grey = t->grey, .width = width, .height = height, .stride = (size_t)width, .dpi = 200};
    page_init(&t->page, 1);
    *state = t;
    return ocr_tesseract.open(NULL, NULL, &t->engine, NULL);
}

static int tear_down(void **state)
{
    struct test *t = *state;
    ocr_tesseract.close(t->engine);
    page_done(&t->page);
    free(t->grey);
    free(t);
    return 0;
}

static const struct page_word *word(const struct page *page, const char *text)
{
    for (size_t i = 0; i < page->n_words; i++)
        if (!strcmp(page_word_text(page, &page->words[i]), text)) return &page->words[i];
    return NULL;
}

static struct ocr_wait a_minute(void)
{
    return (struct ocr_wait){.deadline_ms = clock_ms() + 60000};
}

/* As tesseract.c does, without a second reading of the whole page. */
static struct sheet read_once(struct test *t, const struct ocr_wait *wait)
{
    PIX *pix = pixReadMem((const l_uint8 *)handwriting, handwriting_size);
    struct sheet sheet = {.pix = pixConvertTo8(pix, 0), .dpi = 200};
    pixDestroy(&pix);
    struct engine *e = t->engine;
    assert_int_equal(engine_read(e->print, &sheet, PSM_AUTO, wait, &t->page, NULL), 0);
    return sheet;
}

static void test_a_page_by_hand_is_read_better_than_once(void **state)
{
    struct test *t = *state;
    struct ocr_wait wait = a_minute();
    assert_int_equal(ocr_tesseract.recognise(t->engine, &t->image, &wait, &t->page, NULL), 0);
    assert_non_null(word(&t->page, "Percival"));
    const struct page_word *grade = word(&t->page, "11"), *label = word(&t->page, "Grade:");
    assert_non_null(grade);
    assert_non_null(label);
    assert_true(grade->box.left > label->box.right); /* it stands where it was read */
    assert_true(grade->box.top < label->box.bottom && grade->box.bottom > label->box.top);
}

static void test_what_is_sure_stays_as_it_was_read(void **state)
{
    struct test *t = *state;
    struct ocr_wait wait = a_minute();
    struct sheet sheet = read_once(t, &wait);
    struct page_word before = *word(&t->page, "Student:");
    reread_doubtful(t->engine, &sheet, &wait, &t->page);
    const struct page_word *after = word(&t->page, "Student:");
    assert_non_null(after);
    assert_float_equal(after->confidence, before.confidence, 1e-6);
    assert_memory_equal(&after->box, &before.box, sizeof before.box);
    pixDestroy(&sheet.pix);
}

static void test_confidence_is_how_far_the_readings_agree(void **state)
{
    struct test *t = *state;
    struct ocr_wait wait = a_minute();
    struct sheet sheet = read_once(t, &wait);
    assert_null(word(&t->page, "11"));
    float once = word(&t->page, "Percival")->confidence;
    reread_doubtful(t->engine, &sheet, &wait, &t->page);
    assert_true(word(&t->page, "Percival")->confidence > once); /* all agree */
    assert_true(word(&t->page, "11")->confidence < 0.95f);      /* the first reading does not */
    pixDestroy(&sheet.pix);
}

static void test_when_the_time_is_up_the_first_reading_stands(void **state)
{
    struct test *t = *state;
    struct ocr_wait wait = a_minute(), over = {.deadline_ms = clock_ms() - 1};
    struct sheet sheet = read_once(t, &wait);
    size_t n = t->page.n_words;
    reread_doubtful(t->engine, &sheet, &over, &t->page);
    assert_int_equal(t->page.n_words, n);
    assert_null(word(&t->page, "11"));
    pixDestroy(&sheet.pix);
}

static void test_sure_words_inside_a_doubtful_one_are_not_read_twice(void **state)
{
    struct test *t = *state;
    struct ocr_wait wait = a_minute();
    struct sheet sheet = read_once(t, &wait);
    struct page_box label = word(&t->page, "Student:")->box, first = word(&t->page, "Percival")->box,
                    last = word(&t->page, "Donaire")->box, all = label;
    all.right = last.right;
    page_drop_all(&t->page);
    assert_int_equal(page_add_word(&t->page, "Student", NULL, &all, 0.3, WORD_RECOGNISED, NULL), 0);
    assert_int_equal(page_add_word(&t->page, "Percival", NULL, &first, 0.97, WORD_RECOGNISED, NULL), 0);
    assert_int_equal(page_add_word(&t->page, "Dunmarrow", NULL, &last, 0.97, WORD_RECOGNISED, NULL), 0);
    reread_doubtful(t->engine, &sheet, &wait, &t->page);
    assert_int_equal(t->page.n_words, 3);
    assert_true(t->page.words[2].box.left >= t->page.words[1].box.right);
    pixDestroy(&sheet.pix);
}

static void test_a_piece_dearer_than_a_page_may_be_stays_as_it_was_read(void **state)
{
    struct test *t = *state;
    struct ocr_wait wait = a_minute();
    struct sheet sheet = read_once(t, &wait);
    struct page_box all = {0, 0, PAGE_UNITS, PAGE_UNITS};
    page_drop_all(&t->page);
    assert_int_equal(page_add_word(&t->page, "scrawl", NULL, &all, 0.3, WORD_RECOGNISED, NULL), 0);
    sheet_resize(&sheet, 1000); /* ten million pixels that are no line */
    reread_doubtful(t->engine, &sheet, &wait, &t->page);
    assert_int_equal(t->page.n_words, 1);
    assert_non_null(word(&t->page, "scrawl"));
    pixDestroy(&sheet.pix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_page_by_hand_is_read_better_than_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_sure_stays_as_it_was_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_confidence_is_how_far_the_readings_agree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_when_the_time_is_up_the_first_reading_stands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sure_words_inside_a_doubtful_one_are_not_read_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_piece_dearer_than_a_page_may_be_stays_as_it_was_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
