/* ocr-svc/text_layer, ink: which text of a PDF is believed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/fields.h"
#include "ocr-svc/ink.h"
#include "ocr-svc/text_layer.h"

enum { SIDE = 600, WORDS = 30 };

struct layer {
    struct words_header head;
    struct word_record words[WORDS];
    char texts[WORDS * 16];
    struct decode_words view;
};

/* n words of `text`, ten points high, one below the other. */
static void layer_init(struct layer *l, int n, const char *text)
{
    memset(l, 0, sizeof *l);
    snprintf(l->texts, sizeof l->texts, "%s", text);
    for (int i = 0; i < n; i++)
        l->words[i] = (struct word_record){
            .left = 100, .right = 200, .top = (float)(20 + 15 * i), .bottom = (float)(30 + 15 * i)};
    l->head = (struct words_header){.n = (uint32_t)n,
                                    .texts = sizeof l->texts,
                                    .chars = (uint32_t)n * 5,
                                    .width_pt = SIDE,
                                    .height_pt = SIDE};
    l->view = (struct decode_words){.head = &l->head, .words = l->words, .texts = l->texts};
}

static void test_page_of_words_without_a_scan_is_text(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, WORDS, "words");
    assert_int_equal(text_layer_judge(&l.view), TEXT_LAYER_REAL);
}

static void test_page_without_words_has_no_text_layer(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, 0, "");
    assert_int_equal(text_layer_judge(&l.view), TEXT_LAYER_NONE);
}

static void test_words_over_a_scan_are_doubtful(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, WORDS, "words");
    l.head.image_share = 1;
    assert_int_equal(text_layer_judge(&l.view), TEXT_LAYER_DOUBTFUL);
}

static void test_words_under_ink_marks_are_doubtful(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, WORDS, "words");
    l.head.has_markings = 1;
    assert_int_equal(text_layer_judge(&l.view), TEXT_LAYER_DOUBTFUL);
}

static void test_characters_without_a_meaning_are_no_text(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, WORDS, "words");
    l.head.bad_chars = l.head.chars / 2;
    assert_int_equal(text_layer_judge(&l.view), TEXT_LAYER_NONE);
}

static void test_text_of_signs_alone_is_no_text(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, WORDS, "#$%&!");
    assert_int_equal(text_layer_judge(&l.view), TEXT_LAYER_NONE);
}

static void test_lines_to_write_on_do_not_count_as_signs(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, WORDS, "Name:_____");
    assert_int_equal(text_layer_judge(&l.view), TEXT_LAYER_REAL);
}

static uint8_t paper[SIDE * SIDE];

static struct decode_pixels picture_of(struct pixels_header *h)
{
    *h = (struct pixels_header){.width = SIDE,
                                .height = SIDE,
                                .stride = SIDE,
                                .depth = 8,
                                .dpi = 72,
                                .width_pt = SIDE,
                                .height_pt = SIDE};
    memset(paper, 240, sizeof paper);
    return (struct decode_pixels){.head = h, .grey = paper};
}

/* Strokes, not a solid block: every other column. */
static void ink_at(int left, int top, int right, int bottom)
{
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x += 2) paper[y * SIDE + x] = 10;
}

static void test_text_that_stands_on_all_ink_covers_the_page(void **state)
{
    struct layer l;
    struct pixels_header h;
    (void)state;
    layer_init(&l, 5, "words");
    struct decode_pixels p = picture_of(&h);
    for (int i = 0; i < 5; i++) ink_at(105, 20 + 15 * i, 195, 30 + 15 * i);
    assert_int_equal(text_layer_look(&l.view, &p), TEXT_LAYER_REAL);
}

static void test_stamp_in_a_corner_does_not_cover_the_page(void **state)
{
    struct layer l;
    struct pixels_header h;
    (void)state;
    layer_init(&l, 1, "stamp");
    struct decode_pixels p = picture_of(&h);
    ink_at(105, 20, 195, 30);
    for (int i = 0; i < 10; i++) ink_at(50, 100 + 20 * i, 500, 110 + 20 * i);
    assert_int_equal(text_layer_look(&l.view, &p), TEXT_LAYER_NONE);
}

/* Specks of a scanner, each a dot of 200 an inch, are no ink at the look's 72, in whichever size the page was drawn. */
static void test_picture_of_more_dots_says_what_one_drawn_small_says(void **state)
{
    struct layer l;
    struct pixels_header h;
    (void)state;
    layer_init(&l, 1, "words");
    struct decode_pixels p = picture_of(&h);
    h.dpi = 200;
    h.width_pt = h.height_pt = SIDE * 72.0 / 200;
    l.words[0] = (struct word_record){.text = l.words[0].text, .left = 20, .top = 20, .right = 80, .bottom = 30};
    for (int x = 60; x < 220; x += 16) /* letters of three cells */
        for (int y = 60; y < 80; y++) memset(&paper[y * SIDE + x], 10, 8);
    for (int y = 100; y < SIDE; y += 8)
        for (int x = 0; x < SIDE; x += 8) paper[y * SIDE + x] = 100;
    assert_int_equal(text_layer_look(&l.view, &p), TEXT_LAYER_REAL);
}

static void test_a_page_that_is_likely_read_is_a_scan_or_has_pictures_or_drawings_beside_its_text(void **state)
{
    struct layer l;
    (void)state;
    layer_init(&l, 5, "words");
    assert_false(text_layer_likely_read(&l.view, TEXT_LAYER_DOUBTFUL));
    assert_false(text_layer_likely_read(&l.view, TEXT_LAYER_REAL));
    assert_true(text_layer_likely_read(&l.view, TEXT_LAYER_BESIDE));
    l.head.image_share = 0.9;
    assert_true(text_layer_likely_read(&l.view, TEXT_LAYER_DOUBTFUL));
    l.head.image_share = 0;
    l.head.has_markings = 1;
    assert_true(text_layer_likely_read(&l.view, TEXT_LAYER_DOUBTFUL));
}

/* Does the look at these words beside what was drawn say that writing is missing? */
static bool lacks(const struct layer *l, const struct decode_pixels *p, bool scan)
{
    struct page page;
    page_init(&page, 1);
    page.width = page.height = SIDE;
    for (uint32_t i = 0; i < l->head.n; i++) {
        struct page_box box = fields_box(&page, &l->words[i]);
        assert_int_equal(page_add_word(&page, "words", NULL, &box, 1, WORD_TEXT_LAYER, NULL), 0);
    }
    bool result = text_layer_lacks(&l->view, p, &page, scan);
    page_done(&page);
    return result;
}

static void test_strokes_beside_the_words_are_writing_that_they_lack(void **state)
{
    struct layer l;
    struct pixels_header h;
    (void)state;
    layer_init(&l, 5, "words");
    struct decode_pixels p = picture_of(&h);
    for (int i = 0; i < 5; i++) ink_at(105, 20 + 15 * i, 195, 30 + 15 * i);
    assert_false(lacks(&l, &p, false));
    ink_at(300, 50, 340, 62);
    assert_true(lacks(&l, &p, false));
}

static void test_what_is_in_a_picture_is_lacked_only_where_the_picture_is_the_page(void **state)
{
    struct layer l;
    struct pixels_header h;
    (void)state;
    layer_init(&l, 5, "words");
    struct decode_pixels p = picture_of(&h);
    ink_at(300, 50, 340, 62);
    memset(l.head.pictures, 0xFF, sizeof l.head.pictures);
    assert_false(lacks(&l, &p, false));
    assert_true(lacks(&l, &p, true));
}

static void test_frames_around_text_do_not_count_as_ink(void **state)
{
    struct layer l;
    struct pixels_header h;
    (void)state;
    layer_init(&l, 1, "word");
    struct decode_pixels p = picture_of(&h);
    ink_at(105, 20, 195, 30);
    for (int x = 20; x < 580; x++) paper[300 * SIDE + x] = paper[301 * SIDE + x] = 0;
    for (int y = 20; y < 580; y++) paper[y * SIDE + 20] = paper[y * SIDE + 21] = 0;
    assert_int_equal(text_layer_look(&l.view, &p), TEXT_LAYER_REAL);
}

static void test_blank_paper_in_uneven_light_has_no_ink(void **state)
{
    struct ink_map map;
    (void)state;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) paper[y * SIDE + x] = (uint8_t)(90 + x / 5 + (x * 7 + y * 13) % 5);
    assert_int_equal(ink_map_init(&map, paper, SIDE, SIDE, SIDE), 0);
    assert_int_equal(ink_count(&map), 0);
    ink_map_done(&map);
}

static void test_ink_of_a_picture_of_one_pixel_is_counted(void **state)
{
    struct ink_map map;
    (void)state;
    assert_int_equal(ink_map_init(&map, paper, 1, 1, 4), 0);
    assert_int_equal(map.width, 1);
    ink_erase(&map, -5, -5, 50, 50);
    assert_int_equal(ink_count(&map), 0);
    ink_map_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_of_words_without_a_scan_is_text),
        cmocka_unit_test(test_page_without_words_has_no_text_layer),
        cmocka_unit_test(test_words_over_a_scan_are_doubtful),
        cmocka_unit_test(test_words_under_ink_marks_are_doubtful),
        cmocka_unit_test(test_characters_without_a_meaning_are_no_text),
        cmocka_unit_test(test_text_of_signs_alone_is_no_text),
        cmocka_unit_test(test_lines_to_write_on_do_not_count_as_signs),
        cmocka_unit_test(test_text_that_stands_on_all_ink_covers_the_page),
        cmocka_unit_test(test_stamp_in_a_corner_does_not_cover_the_page),
        cmocka_unit_test(test_strokes_beside_the_words_are_writing_that_they_lack),
        cmocka_unit_test(test_picture_of_more_dots_says_what_one_drawn_small_says),
        cmocka_unit_test(test_a_page_that_is_likely_read_is_a_scan_or_has_pictures_or_drawings_beside_its_text),
        cmocka_unit_test(test_what_is_in_a_picture_is_lacked_only_where_the_picture_is_the_page),
        cmocka_unit_test(test_frames_around_text_do_not_count_as_ink),
        cmocka_unit_test(test_blank_paper_in_uneven_light_has_no_ink),
        cmocka_unit_test(test_ink_of_a_picture_of_one_pixel_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
