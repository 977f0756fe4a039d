/* ocr-svc/lost: writing that lies under no word, on masks that are drawn here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/lost.h"

/* 560 × 740 cells, as a letter page has; its words are 12 cells high. */
enum { WIDTH = 560, HEIGHT = 740, HIGH = 12, LETTER = 7, PITCH = 9 };

struct test {
    struct ink_map map;
    struct page page;
    struct page_box lost[LOST_MAX];
};

static void rectangle(struct test *t, int left, int top, int right, int bottom, int value)
{
    for (int y = top; y < bottom; y++) memset(t->map.cells + y * WIDTH + left, value, (size_t)(right - left));
}

/* The outline of a letter, as wide as LETTER. */
static void letter(struct test *t, int x, int y)
{
    rectangle(t, x, y, x + LETTER, y + HIGH, 1);
    rectangle(t, x + 2, y + 2, x + LETTER - 2, y + HIGH - 2, 0);
}

static void line(struct test *t, int x, int y, int letters)
{
    for (int i = 0; i < letters; i++) letter(t, x + i * PITCH, y);
}

/* A word that was read over so many letters. */
static void word(struct test *t, int x, int y, int letters, float confidence)
{
    int right = x + letters * PITCH - 2;
    struct page_box box = {x * PAGE_UNITS / WIDTH, y * PAGE_UNITS / HEIGHT, right * PAGE_UNITS / WIDTH, (y + HIGH) * PAGE_UNITS / HEIGHT};
    assert_int_equal(page_add_word(&t->page, "word", NULL, &box, (double)confidence, WORD_RECOGNISED, NULL), 0);
}

/* Three lines of five words that were read. */
static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof *t);
    t->map = (struct ink_map){WIDTH, HEIGHT, calloc(WIDTH, HEIGHT)};
    page_init(&t->page, 1);
    for (int y = 60; y < 140; y += 30)
        for (int x = 40; x < 500; x += 100) {
            line(t, x, y, 8);
            word(t, x, y, 8, 0.95f);
        }
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    ink_map_done(&t->map);
    page_done(&t->page);
    free(t);
    return 0;
}

static int find(struct test *t)
{
    ink_erase_rules(&t->map);
    return lost_find(&t->map, &t->page, LOST_BLOCKS, t->lost);
}

/* The box holds these cells, and not half a line more on any side. */
static void assert_around(const struct page_box *b, int left, int top, int right, int bottom)
{
    double x = (double)WIDTH / PAGE_UNITS, y = (double)HEIGHT / PAGE_UNITS;
    assert_true(b->left * x <= left && b->left * x > left - HIGH);
    assert_true(b->top * y <= top && b->top * y > top - HIGH);
    assert_true(b->right * x + 1 >= right && b->right * x < right + HIGH);
    assert_true(b->bottom * y + 1 >= bottom && b->bottom * y < bottom + HIGH);
}

static void test_where_every_letter_lies_under_a_word_nothing_is_lost(void **state)
{
    assert_int_equal(find(*state), 0);
}

static void test_a_line_without_words_is_found(void **state)
{
    struct test *t = *state;
    line(t, 60, 300, 30);
    assert_int_equal(find(t), 1);
    assert_around(&t->lost[0], 60, 300, 60 + 30 * PITCH - 2, 300 + HIGH);
}

static void test_the_rest_of_a_line_is_found_beside_its_words(void **state)
{
    struct test *t = *state;
    line(t, 60, 300, 20);
    word(t, 60, 300, 10, 0.9f);
    assert_int_equal(find(t), 1);
    assert_around(&t->lost[0], 60 + 10 * PITCH, 300, 60 + 20 * PITCH - 2, 300 + HIGH);
}

static void test_lines_that_follow_each_other_are_one_block(void **state)
{
    struct test *t = *state;
    for (int y = 300; y < 380; y += 18) line(t, 60, y, 40);
    assert_int_equal(find(t), 1);
    assert_around(&t->lost[0], 60, 300, 60 + 40 * PITCH - 2, 372 + HIGH);
}

static void test_line_by_line_each_is_its_own(void **state)
{
    struct test *t = *state;
    for (int y = 300; y < 340; y += 18) line(t, 60, y, 40);
    assert_int_equal(lost_find(&t->map, &t->page, LOST_LINES, t->lost), 3);
    assert_around(&t->lost[1], 60, 318, 60 + 40 * PITCH - 2, 318 + HIGH);
}

static void test_blocks_come_from_the_top_down(void **state)
{
    struct test *t = *state;
    line(t, 60, 600, 40);
    line(t, 60, 300, 20);
    assert_int_equal(find(t), 2);
    assert_true(t->lost[0].top < t->lost[1].top);
}

static void test_of_too_many_the_largest_are_kept(void **state)
{
    struct test *t = *state;
    for (int i = 0; i < LOST_MAX + 1; i++) line(t, 60, 180 + i * 40, i == 5 ? 3 : 20);
    assert_int_equal(find(t), LOST_MAX);
    for (int i = 0; i < LOST_MAX; i++) assert_true(t->lost[i].right - t->lost[i].left > 10 * PITCH * PAGE_UNITS / WIDTH);
}

static void test_strokes_beyond_a_words_box_are_its_own(void **state)
{
    struct test *t = *state;
    for (int x = 42; x < 110; x += PITCH) rectangle(t, x, 60 - 3, x + 2, 60 + HIGH + 3, 1);
    assert_int_equal(find(t), 0);
}

static void test_rules_and_frames_are_no_writing(void **state)
{
    struct test *t = *state;
    for (int y = 200; y < 400; y += 20) rectangle(t, 40, y, 520, y + 1, 1);
    rectangle(t, 40, 450, 520, 452, 1);
    rectangle(t, 40, 600, 520, 602, 1);
    rectangle(t, 40, 450, 42, 602, 1);
    rectangle(t, 518, 450, 520, 602, 1);
    for (int x = 60; x < 300; x += 40) rectangle(t, x, 650, x + 25, 651, 1); /* broken by letters that cross it */
    assert_int_equal(find(t), 0);
}

static void test_writing_in_a_frame_and_on_a_rule_is_found(void **state)
{
    struct test *t = *state;
    rectangle(t, 40, 290, 520, 292, 1);
    rectangle(t, 40, 330, 520, 332, 1);
    line(t, 60, 304, 20);
    rectangle(t, 40, 400 + HIGH - 1, 520, 400 + HIGH, 1);
    line(t, 60, 400, 20);
    assert_int_equal(find(t), 2);
}

static void test_dust_is_no_writing(void **state)
{
    struct test *t = *state;
    for (int i = 0; i < 400; i++) rectangle(t, 20 + i % 40 * 13, 200 + i / 40 * 50, 22 + i % 40 * 13, 202 + i / 40 * 50, 1);
    assert_int_equal(find(t), 0);
}

static void test_a_picture_and_a_blot_are_no_writing(void **state)
{
    struct test *t = *state;
    for (int y = 300; y < 400; y++)
        for (int x = 100; x < 300; x++) t->map.cells[y * WIDTH + x] = (x * 7 + y * 13) % 5 < 3;
    rectangle(t, 400, 300, 430, 320, 1);
    assert_int_equal(find(t), 0);
}

static void test_the_table_beside_the_sheet_is_no_writing(void **state)
{
    struct test *t = *state;
    for (int y = 0; y < HEIGHT; y++) rectangle(t, 0, y, 6 + y / 40, y + 1, 1);
    for (int x = 100; x < 400; x += 30) rectangle(t, x, HEIGHT - 14, x + 20, HEIGHT, 1);
    assert_int_equal(find(t), 0);
}

static void test_a_texture_is_no_writing(void **state)
{
    struct test *t = *state;
    for (int y = 200; y < 730; y += 5)
        for (int x = 4; x < 550; x += 7) rectangle(t, x, y, x + 5, y + 4, 1);
    assert_int_equal(find(t), 0);
}

static void test_without_words_a_line_of_print_is_the_measure(void **state)
{
    struct test *t = *state;
    memset(t->map.cells, 0, WIDTH * HEIGHT);
    page_drop_all(&t->page);
    line(t, 60, 300, 30);
    assert_int_equal(find(t), 1);
}

static void test_one_letter_is_too_little(void **state)
{
    struct test *t = *state;
    letter(t, 300, 400);
    assert_int_equal(find(t), 0);
}

/* The left edge of the last word after its neighbours were looked for, in cells. */
static int last_left(struct test *t, int *widened)
{
    *widened = lost_beside(&t->map, &t->page, 0.9f);
    return t->page.words[t->page.n_words - 1].box.left * WIDTH / PAGE_UNITS;
}

/* "9° grado": the layout saw the word alone. */
static void number(struct test *t, int x, int y)
{
    letter(t, x, y);
    rectangle(t, x + PITCH, y, x + PITCH + 3, y + 3, 1);
}

/* … which was read so surely. */
static int left_of_word_beside_number(struct test *t, float confidence, int *widened)
{
    number(t, 300, 400);
    line(t, 324, 400, 5);
    word(t, 324, 400, 5, confidence);
    return last_left(t, widened);
}

static void test_a_number_beside_a_doubtful_word_is_read_with_it(void **state)
{
    int widened;
    assert_in_range(left_of_word_beside_number(*state, 0.5f, &widened), 297, 300);
    assert_int_equal(widened, 1);
}

static void test_what_stands_beside_a_sure_word_is_left_alone(void **state)
{
    int widened;
    assert_in_range(left_of_word_beside_number(*state, 0.95f, &widened), 323, 324);
    assert_int_equal(widened, 0);
}

static void test_specks_strokes_and_what_stands_far_away_or_in_another_line_is_no_neighbour(void **state)
{
    struct test *t = *state;
    int widened;
    rectangle(t, 316, 400, 319, 403, 1);             /* a speck */
    rectangle(t, 310, 396, 312, 400 + 2 * HIGH, 1);  /* the border of a cell */
    for (int y = 395; y < 394 + 2 * HIGH; y++) rectangle(t, 376 - (y - 395) / 12, y, 381 - (y - 395) / 12, y + 1, 1); /* … and one that leans */
    letter(t, 300 - 3 * HIGH, 400);                  /* far away */
    letter(t, 330, 400 + HIGH + 6);                  /* below */
    line(t, 324, 400, 5);
    word(t, 324, 400, 5, 0.5f);
    assert_in_range(last_left(t, &widened), 323, 324);
    assert_int_equal(widened, 0); /* on neither side */
}

static void test_a_long_piece_beside_a_word_is_a_lost_line_and_no_neighbour(void **state)
{
    struct test *t = *state;
    int widened;
    line(t, 300 - 6 * PITCH, 400, 8);
    line(t, 324, 400, 5);
    word(t, 324, 400, 5, 0.5f);
    assert_in_range(last_left(t, &widened), 323, 324);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_where_every_letter_lies_under_a_word_nothing_is_lost),
        TEST(test_a_line_without_words_is_found),
        TEST(test_the_rest_of_a_line_is_found_beside_its_words),
        TEST(test_lines_that_follow_each_other_are_one_block),
        TEST(test_line_by_line_each_is_its_own),
        TEST(test_blocks_come_from_the_top_down),
        TEST(test_of_too_many_the_largest_are_kept),
        TEST(test_strokes_beyond_a_words_box_are_its_own),
        TEST(test_rules_and_frames_are_no_writing),
        TEST(test_writing_in_a_frame_and_on_a_rule_is_found),
        TEST(test_dust_is_no_writing),
        TEST(test_a_picture_and_a_blot_are_no_writing),
        TEST(test_the_table_beside_the_sheet_is_no_writing),
        TEST(test_a_texture_is_no_writing),
        TEST(test_without_words_a_line_of_print_is_the_measure),
        TEST(test_one_letter_is_too_little),
        TEST(test_a_number_beside_a_doubtful_word_is_read_with_it),
        TEST(test_what_stands_beside_a_sure_word_is_left_alone),
        TEST(test_specks_strokes_and_what_stands_far_away_or_in_another_line_is_no_neighbour),
        TEST(test_a_long_piece_beside_a_word_is_a_lost_line_and_no_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
