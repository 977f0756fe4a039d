#include "llm-svc/straighten.h"

#include "llm-svc/layout.h"

/* Rows with fewer words, or narrower ones (points), say little about the slant. */
#define ROW_WORDS 4
#define ROW_WIDTH 72.0
/* Steeper is no slant of a page but a mistake (about 6 degrees); flatter changes nothing. */
#define SLOPE_MAX 0.105
#define SLOPE_MIN 0.0005

struct sums {
    double xy, xx;
};

/* Least squares of a row's middles around their own mean. */
static void add_row(const struct page *page, const struct row *row, struct sums *sums)
{
    double mx = 0, my = 0;
    for (int i = 0; i < row->n; i++) {
        const struct box *b = &page->words[row->words[i]].box;
        mx += (b->x0 + b->x1) / 2;
        my += (b->y0 + b->y1) / 2;
    }
    mx /= row->n;
    my /= row->n;
    for (int i = 0; i < row->n; i++) {
        const struct box *b = &page->words[row->words[i]].box;
        double dx = (b->x0 + b->x1) / 2 - mx, dy = (b->y0 + b->y1) / 2 - my;
        sums->xy += dx * dy;
        sums->xx += dx * dx;
    }
}

int page_straighten(struct page *page, struct err *err)
{
    struct layout layout;
    struct sums sums = {0};
    if (!page->ocr) return 0; /* a text layer is straight */
    if (layout_read(page, &layout, err)) return -1;
    for (int r = 0; r < layout.n_rows; r++) {
        const struct row *row = &layout.rows[r];
        if (row->n >= ROW_WORDS && row->box.x1 - row->box.x0 >= ROW_WIDTH) add_row(page, row, &sums);
    }
    layout_done(&layout);
    double slope = sums.xx > 0 ? sums.xy / sums.xx : 0;
    if (slope > SLOPE_MAX || slope < -SLOPE_MAX || (slope < SLOPE_MIN && slope > -SLOPE_MIN)) return 0;
    for (int i = 0; i < page->n_words; i++) {
        struct box *b = &page->words[i].box;
        double shift = slope * ((b->x0 + b->x1) / 2 - page->width / 2);
        b->y0 -= shift;
        b->y1 -= shift;
    }
    return 0;
}
