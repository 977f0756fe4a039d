#include "ocr-svc/tall.h"

#include <math.h>

/* In heights of a word.  A word with strokes up and down is 1.4 high. */
#define TALL 1.5
/* A line of writing; below it: accents, dots, what another line's strokes leave. */
#define LINE 0.25

/* What was read of two lines at once, and not surely, is neither of them. */
#define SURE 0.60f
/* Cells of a row: a cell's border that runs beside the words. */
#define BORDER 2

/* Rows of ink that follow each other, in cells; `to` lies behind the last. */
struct band {
    int from, to, ink;
};

static int ink_of_row(const struct ink_map *map, int y, int left, int right)
{
    int n = 0;
    for (int x = left; x < right; x++) n += map->cells[(size_t)y * (size_t)map->width + (size_t)x];
    return n;
}

/* The next band from row `y` on, above row `bottom`; a row with a border in it alone parts bands, too. */
static struct band next_band(const struct ink_map *map, int y, int bottom, int left, int right)
{
    struct band band = {0};
    int ink;
    while (y < bottom && ink_of_row(map, y, left, right) <= BORDER) y++;
    band.from = y;
    for (; y < bottom && (ink = ink_of_row(map, y, left, right)) > BORDER; y++) band.ink += ink;
    band.to = y;
    return band;
}

/* Cuts the box where it holds two lines. */
static bool cut(const struct ink_map *map, double high, struct page_box *box)
{
    double sx = (double)map->width / PAGE_UNITS, sy = (double)map->height / PAGE_UNITS;
    int left = (int)floor(box->left * sx), right = (int)fmin(map->width, ceil(box->right * sx));
    int top = (int)floor(box->top * sy), bottom = (int)fmin(map->height, ceil(box->bottom * sy)), lines = 0;
    struct band most = {0};
    for (int y = top; y < bottom;) {
        struct band band = next_band(map, y, bottom, left, right);
        lines += band.to - band.from >= LINE * high;
        if (band.ink > most.ink) most = band;
        y = band.to;
    }
    if (lines < 2) return false;
    box->top = (int)(most.from / sy);
    box->bottom = (int)ceil(most.to / sy);
    return true;
}

size_t tall_cut(const struct ink_map *map, struct page *page)
{
    size_t n = 0, kept = 0;
    double high = page_word_height(page), cells = high * map->height / PAGE_UNITS;
    for (size_t i = 0; i < page->n_words; i++) {
        struct page_word w = page->words[i];
        bool both = w.box.bottom - w.box.top > TALL * high && cut(map, cells, &w.box);
        n += both;
        if (!both || w.confidence >= SURE) page->words[kept++] = w;
    }
    page->n_words = kept;
    return n;
}
