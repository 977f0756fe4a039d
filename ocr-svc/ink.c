#include "ocr-svc/ink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TILE     16   /* cells; about two lines of text */
#define CONTRAST 0.78 /* ink is darker than this share of the paper's light */
#define LEAST    32   /* … and by this much, of 255, so that a dark page's noise is none */

/* Means of `by` × `by` pixels: noise and specks disappear, strokes stay. */
static uint8_t *shrunk(const uint8_t *grey, int width, int height, size_t stride, int by, int *w, int *h)
{
    *w = width / by > 0 ? width / by : 1;
    *h = height / by > 0 ? height / by : 1;
    uint8_t *out = malloc((size_t)*w * (size_t)*h);
    if (!out) return NULL;
    for (int y = 0; y < *h; y++)
        for (int x = 0; x < *w; x++) {
            unsigned sum = 0, n = 0;
            for (int j = y * by; j < (y + 1) * by && j < height; j++)
                for (int i = x * by; i < (x + 1) * by && i < width; i++)
                    sum += grey[(size_t)j * stride + (size_t)i], n++;
            out[(size_t)y * (size_t)*w + (size_t)x] = (uint8_t)(sum / n);
        }
    return out;
}

/* The light of the paper in a tile: the level that its lightest tenth reaches. */
static int paper_of(const uint8_t *small, int w, int x1, int y1, int x2, int y2)
{
    unsigned counts[256] = {0}, n = 0;
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++) counts[small[(size_t)y * (size_t)w + (size_t)x]]++, n++;
    unsigned from_top = 0;
    int level = 255;
    while (level > 0 && (from_top += counts[level]) * 10 < n) level--;
    return level;
}

static void mark_tile(struct ink_map *map, const uint8_t *small, int tx, int ty)
{
    int x1 = tx * TILE, y1 = ty * TILE, x2 = x1 + TILE, y2 = y1 + TILE;
    if (x2 > map->width) x2 = map->width;
    if (y2 > map->height) y2 = map->height;
    int paper = paper_of(small, map->width, x1, y1, x2, y2);
    int dark = (int)(paper * CONTRAST);
    if (dark > paper - LEAST) dark = paper - LEAST;
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++) {
            size_t at = (size_t)y * (size_t)map->width + (size_t)x;
            map->cells[at] = small[at] < dark;
        }
}

int ink_map_init(struct ink_map *map, const uint8_t *grey, int width, int height, size_t stride)
{
    int side = width > height ? width : height, by = (side + INK_SIDE - 1) / INK_SIDE;
    uint8_t *small = shrunk(grey, width, height, stride, by, &map->width, &map->height);
    map->cells = small ? calloc((unsigned)map->width, (unsigned)map->height) : NULL;
    if (!map->cells) {
        free(small);
        return -1;
    }
    for (int ty = 0; ty * TILE < map->height; ty++)
        for (int tx = 0; tx * TILE < map->width; tx++) mark_tile(map, small, tx, ty);
    free(small);
    return 0;
}

int ink_map_copy(struct ink_map *map, const struct ink_map *of)
{
    size_t size = (size_t)of->width * (size_t)of->height;
    *map = (struct ink_map){.width = of->width, .height = of->height, .cells = malloc(size)};
    if (!map->cells) return -1;
    memcpy(map->cells, of->cells, size);
    return 0;
}

void ink_map_done(struct ink_map *map)
{
    free(map->cells);
    map->cells = NULL;
}

size_t ink_count(const struct ink_map *map)
{
    size_t n = 0, all = (size_t)map->width * (size_t)map->height;
    for (size_t i = 0; i < all; i++) n += map->cells[i];
    return n;
}

double ink_share(const struct ink_map *map)
{
    return (double)ink_count(map) / ((double)map->width * map->height);
}

void ink_erase(struct ink_map *map, double left, double top, double right, double bottom)
{
    int x1 = (int)fmax(0, floor(left)), x2 = (int)fmin(map->width, ceil(right));
    int y1 = (int)fmax(0, floor(top)), y2 = (int)fmin(map->height, ceil(bottom));
    for (int y = y1; y < y2 && x1 < x2; y++)
        memset(map->cells + (size_t)y * (size_t)map->width + (size_t)x1, 0, (size_t)(x2 - x1));
}

/* Clears runs of at least `least` cells, `step` apart, along one row or column. */
static void erase_runs(uint8_t *cells, size_t n, size_t step, size_t least)
{
    size_t from = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && cells[i * step]) continue;
        if (i - from >= least)
            for (size_t j = from; j < i; j++) cells[j * step] = 0;
        from = i + 1;
    }
}

void ink_erase_rules(struct ink_map *map)
{
    size_t w = (size_t)map->width, h = (size_t)map->height, least = (w > h ? w : h) / 16;
    for (size_t y = 0; y < h; y++) erase_runs(map->cells + y * w, w, 1, least);
    for (size_t x = 0; x < w; x++) erase_runs(map->cells + x, h, w, least);
}
