/* Reading order: words become lines, lines follow one another down the page.
 *
 * Words are taken from left to right and each joins the line whose end it stands level with.  Only the
 * end counts, so a line may climb or fall slowly, as on a page that was photographed askew. */
#include <stdlib.h>
#include "ocr-svc/page.h"

#define LEVEL 0.5
#define FAR   0.4 /* what a gap as wide as the page takes away; less than LEVEL */

struct line {
    double top, bottom; /* of its end, smoothed */
    int right;          /* where it ends */
    double sum_y;       /* of the words' middles */
    size_t n;
    int first_left;
    int at; /* its place among the lines, from 0 at the top */
    int block;
};

/* How well a word continues a line: the share of the lower of the two heights that they have in common, less
 * for a wide gap, so that of two lines which a slanted page brings level the near one is taken. */
static double level(const struct line *l, const struct page_box *b)
{
    double top = l->top > b->top ? l->top : b->top;
    double bottom = l->bottom < b->bottom ? l->bottom : b->bottom;
    double own = b->bottom - b->top + 1, line = l->bottom - l->top + 1;
    double shared = (bottom - top + 1) / (own < line ? own : line);
    int gap = b->left - l->right;
    return shared <= LEVEL ? 0 : shared - (gap > 0 ? FAR * gap / PAGE_UNITS : 0);
}

static void join(struct line *l, const struct page_box *b)
{
    /* A comma or a dash says little about where its line runs. */
    bool tall = 2 * (b->bottom - b->top) >= l->bottom - l->top;
    if (l->n == 0) {
        *l = (struct line){.top = b->top, .bottom = b->bottom, .first_left = b->left};
    } else if (tall) {
        l->top = (l->top + b->top) / 2;
        l->bottom = (l->bottom + b->bottom) / 2;
    }
    if (b->right > l->right) l->right = b->right;
    l->sum_y += (b->top + b->bottom) / 2.0;
    l->n++;
}

static int by_left(const void *a, const void *b)
{
    const struct page_word *x = a, *y = b;
    if (x->box.left != y->box.left) return x->box.left < y->box.left ? -1 : 1;
    return x->text < y->text ? -1 : x->text > y->text; /* as they came: qsort() is not stable */
}

static int by_height_on_page(const void *a, const void *b)
{
    const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
    double dx = x->sum_y / (double)x->n, dy = y->sum_y / (double)y->n;
    if (dx != dy) return dx < dy ? -1 : 1;
    return x->first_left - y->first_left;
}

static int by_line_then_left(const void *a, const void *b)
{
    const struct page_word *x = a, *y = b;
    if (x->line != y->line) return x->line - y->line;
    return by_left(a, b);
}

/* Puts each word into a line; word->line is that line's index. Returns the number of lines. */
static size_t make_lines(struct page *page, struct line *lines)
{
    size_t n = 0;
    for (size_t i = 0; i < page->n_words; i++) {
        struct page_word *w = &page->words[i];
        size_t best = n;
        double best_level = 0;
        for (size_t j = 0; j < n; j++) {
            double v = level(&lines[j], &w->box);
            if (v > best_level) best_level = v, best = j;
        }
        if (best == n) lines[n++] = (struct line){0};
        join(&lines[best], &w->box);
        w->line = (int)best;
    }
    return n;
}

/* A gap of more than most of a line's height begins a new block. */
static void number_blocks(struct line **sorted, size_t n)
{
    int block = 0;
    for (size_t i = 0; i < n; i++) {
        struct line *l = sorted[i];
        l->at = (int)i;
        if (i > 0) {
            const struct line *above = sorted[i - 1];
            double pitch = l->sum_y / (double)l->n - above->sum_y / (double)above->n;
            double height = l->bottom - l->top > above->bottom - above->top ? l->bottom - l->top
                                                                            : above->bottom - above->top;
            if (pitch > 2.2 * height) block++;
        }
        l->block = block;
    }
}

int page_set_reading_order(struct page *page, struct err *err)
{
    if (page->n_words == 0) return 0;
    struct line *lines = calloc(page->n_words, sizeof *lines);
    struct line **sorted = calloc(page->n_words, sizeof(struct line *));
    int result = -1;
    if (!lines || !sorted) {
        err_set(err, ERR_NOMEM, "out of memory for a page's lines");
        goto out;
    }
    qsort(page->words, page->n_words, sizeof *page->words, by_left);
    size_t n = make_lines(page, lines);
    for (size_t i = 0; i < n; i++) sorted[i] = &lines[i];
    qsort(sorted, n, sizeof(struct line *), by_height_on_page);
    number_blocks(sorted, n);
    for (size_t i = 0; i < page->n_words; i++) {
        struct page_word *w = &page->words[i];
        const struct line *l = &lines[w->line];
        w->line = l->at;
        w->block = l->block;
    }
    qsort(page->words, page->n_words, sizeof *page->words, by_line_then_left);
    result = 0;
out:
    free(sorted);
    free(lines);
    return result;
}
