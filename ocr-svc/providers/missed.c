/* What the first reading missed.
 *
 * The engine first divides a page into blocks of text, pictures and rules, and takes lines of handwriting for
 * pictures.  Bands of the page where much ink has no word on it are read again as one block of lines, and the
 * second reading is kept where it makes more sense of the band than the first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/ink.h"
#include "ocr-svc/providers/tesseract.h"

#define MISSED    0.12 /* of the page's ink without a word: below it nothing is looked at again */
#define ROW_INK   0.01 /* of the page's width: a row with more missed ink than this belongs to a band */
#define JOIN      30   /* rows of the map, about two lines: bands nearer than this are one */
#define LEAST     12   /* rows: lower bands are specks and rules */
#define BANDS_MAX 4
#define BETTER    1.1

struct band {
    int top, bottom; /* rows of the map */
};

/* The map of what the words do not cover. */
static int missed_ink(const struct sheet *s, const struct page *page, struct ink_map *map, double *share)
{
    int w = pixGetWidth(s->pix), h = pixGetHeight(s->pix);
    uint8_t *grey = malloc((size_t)w * (size_t)h);
    if (!grey) return -1;
    for (int y = 0; y < h; y++) {
        const l_uint32 *line = pixGetData(s->pix) + (size_t)y * (size_t)pixGetWpl(s->pix);
        for (int x = 0; x < w; x++) grey[(size_t)y * (size_t)w + (size_t)x] = (uint8_t)GET_DATA_BYTE(line, x);
    }
    int bad = ink_map_init(map, grey, w, h, (size_t)w);
    free(grey);
    if (bad) return -1;
    ink_erase_rules(map);
    size_t all = ink_count(map);
    double ux = (double)map->width / PAGE_UNITS, uy = (double)map->height / PAGE_UNITS;
    for (size_t i = 0; i < page->n_words; i++) {
        const struct page_box *b = &page->words[i].box;
        ink_erase(map, b->left * ux - 2, b->top * uy - 3, b->right * ux + 2, b->bottom * uy + 3);
    }
    *share = all ? (double)ink_count(map) / (double)all : 0;
    return 0;
}

static int find_bands(const struct ink_map *map, struct band bands[BANDS_MAX])
{
    int n = 0, last = -JOIN - 1;
    for (int y = 0; y < map->height; y++) {
        int ink = 0;
        for (int x = 0; x < map->width; x++) ink += map->cells[(size_t)y * (size_t)map->width + (size_t)x];
        if (ink < ROW_INK * map->width) continue;
        if (n > 0 && y - last <= JOIN) {
            bands[n - 1].bottom = y + 1;
        } else {
            if (n > 0 && bands[n - 1].bottom - bands[n - 1].top < LEAST) n--;
            if (n == BANDS_MAX) break;
            bands[n++] = (struct band){y, y + 1};
        }
        last = y;
    }
    if (n > 0 && bands[n - 1].bottom - bands[n - 1].top < LEAST) n--;
    return n;
}

/* How much sense a reading makes: letters, counted by how sure the engine is of them. */
static double sense(const struct page *page, const struct page_box *within)
{
    double sum = 0;
    for (size_t i = 0; i < page->n_words; i++) {
        const struct page_word *w = &page->words[i];
        if (!page_box_holds(within, (w->box.left + w->box.right) / 2, (w->box.top + w->box.bottom) / 2)) continue;
        double c = (double)w->confidence;
        sum += c * c * (double)strlen(page_word_text(page, w));
    }
    return sum;
}

/* Lines that the band's edge would cut through belong to it as a whole. */
static void widen_to_lines(const struct page *page, struct page_box *box)
{
    struct page_box wide = *box;
    for (size_t i = 0; i < page->n_words; i++) {
        const struct page_box *b = &page->words[i].box;
        if (b->bottom <= box->top || b->top >= box->bottom || b->bottom - b->top > 400) continue;
        if (b->top < wide.top) wide.top = b->top;
        if (b->bottom > wide.bottom) wide.bottom = b->bottom;
    }
    *box = wide;
}

static int read_band(struct engine *e, const struct sheet *s, const struct ink_map *map, const struct band *band,
                     const struct ocr_wait *wait, struct page *page, struct err *err)
{
    double to_units = (double)PAGE_UNITS / map->height, to_pixels = (double)pixGetHeight(s->pix) / PAGE_UNITS;
    struct page_box box = {0, (int)(band->top * to_units) - 30, PAGE_UNITS, (int)(band->bottom * to_units) + 30};
    widen_to_lines(page, &box);
    if (box.top < 0) box.top = 0;
    if (box.bottom > PAGE_UNITS) box.bottom = PAGE_UNITS;
    BOX *area = boxCreate(0, (int)(box.top * to_pixels), pixGetWidth(s->pix), (int)((box.bottom - box.top) * to_pixels));
    if (!area) return err_set(err, ERR_NOMEM, "out of memory");
    struct page again;
    page_init(&again, page->number);
    int result = engine_read(e, s, area, PSM_SINGLE_BLOCK, wait, &again, err);
    if (result == 0 && sense(&again, &box) > BETTER * sense(page, &box)) {
        page_drop_inside(page, 0, &box);
        for (size_t i = 0; result == 0 && i < again.n_words; i++) {
            const struct page_word *w = &again.words[i];
            result = page_add_word(page, page_word_text(&again, w), NULL, &w->box, (double)w->confidence, w->source, err);
        }
    }
    page_done(&again);
    boxDestroy(&area);
    return result;
}

int missed_read(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait, struct page *page,
                struct err *err)
{
    struct ink_map map;
    struct band bands[BANDS_MAX];
    double share;
    int result = 0;
    if (missed_ink(sheet, page, &map, &share) != 0) return err_set(err, ERR_NOMEM, "out of memory for a page's ink");
    int n = share > MISSED ? find_bands(&map, bands) : 0;
    if (getenv("T_DEBUG")) fprintf(stderr, "page %d missed %.3f bands %d\n", page->number, share, n);
    for (int i = 0; result == 0 && i < n; i++) result = read_band(e, sheet, &map, &bands[i], wait, page, err);
    ink_map_done(&map);
    return result;
}
