/* Ink that no word lies on is taken apart into what hangs together (a letter, or a word of joined letters); what has
 * not a letter's size is dropped; what stands near each other becomes a block. */
#include "ocr-svc/lost.h"

#include <math.h>
#include <stdlib.h>

/* Sizes are in heights of a word: the middle one of those that were read (page_word_height). */
#define LEAST_HEIGHT 4.0 /* cells: below it nothing is legible */
/* A word's box may end inside a hand's long strokes. */
#define PAD_X 0.25
#define PAD_Y 0.30
/* A stroke of a letter or a joined word. */
#define LOWEST    0.20 /* below it: dust, stops, accents, pieces of a rule */
#define TALLEST   3.5
#define LONGEST   14.0
#define THIN      0.25 /* and taller than THIN_TALL: a piece of a frame */
#define THIN_TALL 1.5
#define SOLID     0.75 /* share of its box: a blot, a filled box, the table beside the sheet */
/* Neighbours of a block. */
#define NEAR_X      1.2
#define NEAR_Y      0.7
#define NEAR_Y_LINE (-0.15) /* they stand beside each other */
/* A block of writing. */
#define LEAST_WIDE 1.5
#define LEAST_HIGH 0.35
/* A letter or a digit beside a word: lower are accents and the ends of strokes; narrower, or higher than this against the word, borders of cells. */
#define NEIGHBOUR_HIGH 0.6
#define NEIGHBOUR_WIDE 0.35
#define NEIGHBOUR_TALL 1.5
/* What is shown around it. */
#define MARGIN 0.35
/* More pieces than this is a texture, not writing. */
#define MAX_SHAPES 4000

/* What hangs together, in cells; right and bottom lie behind the last. */
struct shape {
    int left, top, right, bottom;
    int n; /* cells of ink */
};

static void erase_words(struct ink_map *map, const struct page *page, double high)
{
    double sx = (double)map->width / PAGE_UNITS, sy = (double)map->height / PAGE_UNITS;
    for (size_t i = 0; i < page->n_words; i++) {
        const struct page_box *b = &page->words[i].box;
        ink_erase(map, b->left * sx - PAD_X * high, b->top * sy - PAD_Y * high, b->right * sx + PAD_X * high,
                  b->bottom * sy + PAD_Y * high);
    }
}

/* ---- shapes -------------------------------------------------------------------------------------- */

/* Takes what hangs together with cell `from` off the map; `todo` has room for all cells. */
static struct shape take(struct ink_map *map, int from, int *todo)
{
    int w = map->width, n = 1;
    struct shape s = {w, map->height, 0, 0, 0};
    map->cells[from] = 0;
    todo[0] = from;
    while (n > 0) {
        int at = todo[--n], x = at % w, y = at / w;
        s.n++;
        if (x < s.left) s.left = x;
        if (x >= s.right) s.right = x + 1;
        if (y < s.top) s.top = y;
        if (y >= s.bottom) s.bottom = y + 1;
        for (int j = y > 0 ? y - 1 : 0; j <= y + 1 && j < map->height; j++)
            for (int i = x > 0 ? x - 1 : 0; i <= x + 1 && i < w; i++) {
                if (!map->cells[j * w + i]) continue;
                map->cells[j * w + i] = 0;
                todo[n++] = j * w + i;
            }
    }
    return s;
}

static bool may_be_letters(const struct shape *s, const struct ink_map *map, double high)
{
    int w = s->right - s->left, h = s->bottom - s->top;
    bool size = h >= LOWEST * high && h <= TALLEST * high && w <= LONGEST * high;
    bool frame = w < THIN * high && h > THIN_TALL * high;
    bool blot = h > high && w > high && s->n > SOLID * w * h;
    bool edge = s->left == 0 || s->top == 0 || s->right == map->width || s->bottom == map->height;
    return size && !frame && !blot && !edge;
}

/* The map's shapes that may be letters; -1: no memory. */
static int find_shapes(struct ink_map *map, double high, struct shape shapes[MAX_SHAPES])
{
    int all = map->width * map->height, n = 0;
    int *todo = malloc((size_t)all * sizeof *todo);
    if (!todo) return -1;
    for (int i = 0; i < all; i++) {
        if (!map->cells[i]) continue;
        struct shape s = take(map, i, todo);
        if (may_be_letters(&s, map, high) && n < MAX_SHAPES) shapes[n++] = s;
    }
    free(todo);
    return n == MAX_SHAPES ? 0 : n;
}

/* ---- blocks -------------------------------------------------------------------------------------- */

static bool are_near(const struct shape *a, const struct shape *b, double gap_most_x, double gap_most_y)
{
    int gap_x = (a->left > b->left ? a->left : b->left) - (a->right < b->right ? a->right : b->right);
    int gap_y = (a->top > b->top ? a->top : b->top) - (a->bottom < b->bottom ? a->bottom : b->bottom);
    return gap_x < gap_most_x && gap_y < gap_most_y;
}

/* Joins neighbours; returns how many blocks there are, at the front of `shapes`. */
static int join_neighbours(struct shape *shapes, int n, double gap_x, double gap_y)
{
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            struct shape *a = &shapes[i], *b = &shapes[j];
            if (!are_near(a, b, gap_x, gap_y)) continue;
            a->left = a->left < b->left ? a->left : b->left;
            a->top = a->top < b->top ? a->top : b->top;
            a->right = a->right > b->right ? a->right : b->right;
            a->bottom = a->bottom > b->bottom ? a->bottom : b->bottom;
            a->n += b->n;
            *b = shapes[--n];
            j = i; /* wider now: look again at all behind it */
        }
    return n;
}

static int more_ink_first(const void *a, const void *b)
{
    return ((const struct shape *)b)->n - ((const struct shape *)a)->n;
}

static int from_the_top(const void *a, const void *b)
{
    const struct page_box *x = a, *y = b;
    return x->top != y->top ? x->top - y->top : x->left - y->left;
}

/* The pieces of writing that lie under no word, their number in *n, and the height that they are measured by; near_y in such heights. NULL: no memory. The
 * caller's: free(). */
static struct shape *find_pieces(struct ink_map *map, const struct page *page, double near_y, double *high, int *n)
{
    struct shape *shapes = malloc(MAX_SHAPES * sizeof *shapes);
    if (!shapes) return NULL;
    *high = fmax(LEAST_HEIGHT, page_word_height(page) * map->height / PAGE_UNITS);
    erase_words(map, page, *high);
    *n = find_shapes(map, *high, shapes);
    if (*n < 0) {
        free(shapes);
        return NULL;
    }
    *n = join_neighbours(shapes, *n, NEAR_X * *high, near_y * *high);
    return shapes;
}

static struct page_box box_around(const struct shape *s, const struct ink_map *map, double high)
{
    double ux = (double)PAGE_UNITS / map->width, uy = (double)PAGE_UNITS / map->height, m = MARGIN * high;
    return (struct page_box){(int)fmax(0, (s->left - m) * ux), (int)fmax(0, (s->top - m) * uy),
                             (int)fmin(PAGE_UNITS, (s->right + m) * ux), (int)fmin(PAGE_UNITS, (s->bottom + m) * uy)};
}

int lost_find(struct ink_map *map, const struct page *page, enum lost_as as, struct page_box out[LOST_MAX])
{
    double high;
    int n, found = 0;
    struct shape *shapes = find_pieces(map, page, as == LOST_LINES ? NEAR_Y_LINE : NEAR_Y, &high, &n);
    if (!shapes) return -1;
    if (n > 0) qsort(shapes, (size_t)n, sizeof *shapes, more_ink_first);
    for (int i = 0; i < n && found < LOST_MAX; i++) {
        const struct shape *s = &shapes[i];
        if (s->right - s->left >= LEAST_WIDE * high && s->bottom - s->top >= LEAST_HIGH * high)
            out[found++] = box_around(s, map, high);
    }
    qsort(out, (size_t)found, sizeof *out, from_the_top);
    free(shapes);
    return found;
}

/* ---- beside a word ------------------------------------------------------------------------------- */

static bool may_be_neighbour(const struct shape *s, double high)
{
    int w = s->right - s->left, h = s->bottom - s->top;
    return w >= NEIGHBOUR_WIDE * high && w < LEAST_WIDE * high && h >= NEIGHBOUR_HIGH * high;
}

/* Cells between a piece and a word of its line, which has half of the piece's height at least beside it; -1: it is not of its line, or much
 * higher. */
static double gap_to(const struct shape *s, const struct ink_map *map, const struct page_box *word, double high)
{
    double ux = (double)PAGE_UNITS / map->width, uy = (double)PAGE_UNITS / map->height, h = s->bottom - s->top;
    double top = fmax(s->top, word->top / uy), bottom = fmin(s->bottom, word->bottom / uy);
    if (bottom - top < h / 2 || h > NEIGHBOUR_TALL * fmax(high, (word->bottom - word->top) / uy)) return -1;
    return fmax(0, fmax(s->left - word->right / ux, word->left / ux - s->right));
}

/* The word whose line a piece stands in, right beside it; NULL: none. */
static struct page_word *nearest_word(const struct shape *s, const struct ink_map *map, const struct page *page, double high)
{
    struct page_word *best = NULL;
    double least = NEAR_X * high;
    for (size_t i = 0; i < page->n_words; i++) {
        double gap = gap_to(s, map, &page->words[i].box, high);
        if (gap < 0 || gap > least) continue;
        least = gap;
        best = &page->words[i];
    }
    return best;
}

static void hold(struct page_box *box, const struct shape *s, const struct ink_map *map)
{
    struct page_box b = box_around(s, map, 0);
    box->left = b.left < box->left ? b.left : box->left;
    box->top = b.top < box->top ? b.top : box->top;
    box->right = b.right > box->right ? b.right : box->right;
    box->bottom = b.bottom > box->bottom ? b.bottom : box->bottom;
}

int lost_beside(struct ink_map *map, struct page *page, float doubtful)
{
    double high;
    int n, widened = 0;
    struct shape *shapes = find_pieces(map, page, NEAR_Y_LINE, &high, &n);
    if (!shapes) return -1;
    for (int i = 0; i < n; i++) {
        struct page_word *word = may_be_neighbour(&shapes[i], high) ? nearest_word(&shapes[i], map, page, high) : NULL;
        if (!word || word->confidence >= doubtful) continue;
        hold(&word->box, &shapes[i], map);
        widened++;
    }
    free(shapes);
    return widened;
}
