#include "llm-svc/layout.h"

#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"

/* A word joins a row when it shares at least this much of its height with the word before it there; an answer by hand
 * often floats above its label. */
#define SAME_ROW 0.4
/* A box this many times as high as usual (a ruled line, a stain) tells nothing about where the row goes on.
 */
#define TOO_HIGH   3.0
#define MIN_HEIGHT 1.0

double box_height(const struct box *b)
{
    return b->y1 - b->y0;
}

double box_overlap_y(const struct box *a, const struct box *b)
{
    double top = a->y0 > b->y0 ? a->y0 : b->y0, bottom = a->y1 < b->y1 ? a->y1 : b->y1;
    double low = box_height(a) < box_height(b) ? box_height(a) : box_height(b);
    if (low < MIN_HEIGHT) low = MIN_HEIGHT;
    return bottom > top ? (bottom - top) / low : 0;
}

void box_join(struct box *into, const struct box *other)
{
    if (other->x0 < into->x0) into->x0 = other->x0;
    if (other->y0 < into->y0) into->y0 = other->y0;
    if (other->x1 > into->x1) into->x1 = other->x1;
    if (other->y1 > into->y1) into->y1 = other->y1;
}

struct place {
    double key;
    int index;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key ? 1 : x->index - y->index;
}

static double median_height(const struct page *page, struct place *room)
{
    int n = 0;
    for (int i = 0; i < page->n_words; i++)
        if (*page->words[i].tight) room[n++] = (struct place){box_height(&page->words[i].box), i};
    if (!n) return MIN_HEIGHT;
    qsort(room, (size_t)n, sizeof *room, by_key);
    double h = room[n / 2].key;
    return h > MIN_HEIGHT ? h : MIN_HEIGHT;
}

/* While rows grow. */
struct growing {
    struct box last; /* of the last telling word */
    struct box all;
    double middles; /* sum over its words, for the order of rows */
    int n;
};

static int best_row(const struct growing *rows, int n, const struct box *box, bool whole)
{
    int best = -1;
    double most = SAME_ROW;
    for (int r = 0; r < n; r++) {
        double shared = box_overlap_y(whole ? &rows[r].all : &rows[r].last, box);
        if (shared >= most && (best < 0 || shared > most)) best = r, most = shared;
    }
    return best;
}

static void join_row(struct growing *rows, int *n, int r, const struct box *box, int *row_of)
{
    if (r < 0) {
        r = (*n)++;
        rows[r] = (struct growing){.last = *box, .all = *box};
    }
    box_join(&rows[r].all, box);
    rows[r].middles += (box->y0 + box->y1) / 2;
    rows[r].n++;
    *row_of = r;
}

/* Words from left to right, each to the row whose last word it stands beside: so a row may climb or fall
 * across a page.  Specks and rules come afterwards, lest they draw words to themselves. */
static int assign_rows(const struct page *page, const struct place *by_x, double usual, struct growing *rows,
                       int *row_of)
{
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < page->n_words; i++) {
            int w = by_x[i].index;
            const struct box *box = &page->words[w].box;
            bool tells = *page->words[w].tight && box_height(box) < TOO_HIGH * usual;
            if (tells != (pass == 0)) continue;
            join_row(rows, &n, best_row(rows, n, box, pass == 1), box, &row_of[w]);
            if (tells) rows[row_of[w]].last = *box;
        }
    }
    return n;
}

/* Puts the rows into order from top to bottom and fills layout->rows; `by_x` is left in use as it is. */
static void order_rows(const struct page *page, const struct place *by_x, const struct growing *growing,
                       struct place *room, int *rank, struct layout *layout)
{
    int n = layout->n_rows, used = 0;
    for (int r = 0; r < n; r++) room[r] = (struct place){growing[r].middles / growing[r].n, r};
    qsort(room, (size_t)n, sizeof *room, by_key);
    for (int i = 0; i < n; i++) {
        struct row *row = &layout->rows[i];
        row->words = &layout->order[used];
        rank[room[i].index] = i;
        used += growing[room[i].index].n;
    }
    for (int i = 0; i < page->n_words; i++) {
        int w = by_x[i].index, r = rank[layout->row_of[w]];
        struct row *row = &layout->rows[r];
        layout->order[row->words - layout->order + row->n] = w;
        if (!row->n) row->box = page->words[w].box;
        box_join(&row->box, &page->words[w].box);
        row->n++;
    }
    for (int i = 0; i < page->n_words; i++) layout->row_of[i] = rank[layout->row_of[i]];
}

int layout_read(const struct page *page, struct layout *layout, struct err *err)
{
    size_t n = page->n_words > 0 ? (size_t)page->n_words : 1;
    AUTO_FREE struct place *by_x = calloc(n, sizeof *by_x);
    AUTO_FREE struct place *room = calloc(n, sizeof *room);
    AUTO_FREE struct growing *growing = calloc(n, sizeof *growing);
    AUTO_FREE int *rank = calloc(n, sizeof *rank);
    struct layout made = {.rows = calloc(n, sizeof *made.rows),
                          .order = calloc(n, sizeof *made.order),
                          .row_of = calloc(n, sizeof *made.row_of)};
    if (!by_x || !room || !growing || !rank || !made.rows || !made.order || !made.row_of) {
        layout_done(&made);
        return err_set(err, ERR_NOMEM, "layout of a page");
    }
    made.height = median_height(page, room);
    for (int i = 0; i < page->n_words; i++) by_x[i] = (struct place){page->words[i].box.x0, i};
    qsort(by_x, (size_t)page->n_words, sizeof *by_x, by_key);
    made.n_rows = assign_rows(page, by_x, made.height, growing, made.row_of);
    order_rows(page, by_x, growing, room, rank, &made);
    *layout = made;
    return 0;
}

void layout_done(struct layout *layout)
{
    free(layout->rows);
    free(layout->order);
    free(layout->row_of);
    memset(layout, 0, sizeof *layout);
}
