#include "ocr-svc/regions.h"

#include <math.h>
#include <stdlib.h>

/* Of the page's cells: an inch and a half square on a letter page.  A slip with a few lines is larger, a crest smaller. */
#define LEAST_CELLS 20

static bool is_set(const uint32_t *cells, int x, int y)
{
    return x >= 0 && y >= 0 && x < DECODE_CELLS && y < DECODE_CELLS && cells[y] >> x & 1;
}

struct extent {
    int left, top, right, bottom, n; /* cells, the last ones included */
};

/* Takes what hangs together with this cell off the map. */
static void take(uint32_t *cells, int x, int y, struct extent *e)
{
    if (!is_set(cells, x, y)) return;
    cells[y] &= ~(UINT32_C(1) << x);
    if (x < e->left) e->left = x;
    if (x > e->right) e->right = x;
    if (y < e->top) e->top = y;
    if (y > e->bottom) e->bottom = y;
    e->n++;
    take(cells, x - 1, y, e); /* no deeper than the map has cells */
    take(cells, x + 1, y, e);
    take(cells, x, y - 1, e);
    take(cells, x, y + 1, e);
}

static bool overlap(const struct region *a, const struct region *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static void include(struct region *a, const struct region *b)
{
    a->left = fmin(a->left, b->left);
    a->top = fmin(a->top, b->top);
    a->right = fmax(a->right, b->right);
    a->bottom = fmax(a->bottom, b->bottom);
}

/* One more rectangle; whatever it touches becomes a part of it. */
static int add(struct region *all, int n, struct region r)
{
    for (int i = 0; i < n; i++) {
        if (!overlap(&all[i], &r)) continue;
        include(&r, &all[i]);
        all[i] = all[--n];
        i = -1; /* wider now: look again at all */
    }
    if (n < REGIONS_MAX) all[n++] = r;
    return n;
}

static double area(const struct region *r)
{
    return (r->right - r->left) * (r->bottom - r->top);
}

static int larger_first(const void *a, const void *b)
{
    return area(b) > area(a) ? 1 : area(b) < area(a) ? -1 : 0;
}

/* A cell counts when its middle is covered, so an edge may lie half a cell further out. */
static struct region around(const struct extent *e)
{
    return (struct region){.left = fmax(0, e->left - 0.5) / DECODE_CELLS,
                           .top = fmax(0, e->top - 0.5) / DECODE_CELLS,
                           .right = fmin(DECODE_CELLS, e->right + 1.5) / DECODE_CELLS,
                           .bottom = fmin(DECODE_CELLS, e->bottom + 1.5) / DECODE_CELLS};
}

int regions_find(const uint32_t cells[DECODE_CELLS], struct region out[REGIONS_MAX])
{
    uint32_t left[DECODE_CELLS];
    int n = 0;
    for (int y = 0; y < DECODE_CELLS; y++) left[y] = cells[y];
    for (int y = 0; y < DECODE_CELLS; y++)
        for (int x = 0; x < DECODE_CELLS; x++) {
            struct extent e = {.left = x, .top = y, .right = x, .bottom = y};
            take(left, x, y, &e);
            if (e.n >= LEAST_CELLS) n = add(out, n, around(&e));
        }
    qsort(out, (size_t)n, sizeof *out, larger_first);
    return n;
}

double regions_share(const uint32_t cells[DECODE_CELLS])
{
    int n = 0;
    for (int y = 0; y < DECODE_CELLS; y++) n += __builtin_popcount(cells[y]);
    return (double)n / (DECODE_CELLS * DECODE_CELLS);
}
