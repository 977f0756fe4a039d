#include "ocr-svc/text_layer.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lib/utf8.h"
#include "ocr-svc/ink.h"
#include "ocr-svc/lost.h"
#include "ocr-svc/regions.h"

/* A page whose pictures cover less than this is not a scan, and one with this many words and no scan is text.
 */
#define SCAN_SHARE  0.3
#define ENOUGH_TEXT 20
/* An ill-mapped font turns letters into control characters, private ones or punctuation. */
#define MOST_BAD   0.1
#define MOST_SIGNS 0.4
/* The ink that real text leaves uncovered: a logo, a signature's flourish, a stamp. */
#define LEAST_COVER 0.85
/* Of the page; above it a picture is the page, and what stands beside it is a stamp. */
#define MOST_PICTURES 0.7

/* Share of signs among the characters of the layer; lines of dots, dashes and underscores are a form's way to
 * leave room and say nothing. */
static double sign_share(const struct decode_words *w, unsigned *n_words)
{
    unsigned signs = 0, all = 0;
    *n_words = 0;
    for (uint32_t i = 0; i < w->head->n; i++) {
        if (w->words[i].is_field || w->words[i].is_note) continue;
        (*n_words)++;
        const char *text = w->texts + w->words[i].text;
        for (uint32_t c; (c = utf8_next(&text));) {
            if (c == '.' || c == '_' || c == '-') continue;
            all++;
            signs += c < 0x80 && ispunct((int)c);
        }
    }
    return all ? (double)signs / all : 0;
}

enum text_layer text_layer_judge(const struct decode_words *words)
{
    const struct words_header *h = words->head;
    unsigned n;
    double signs = sign_share(words, &n);
    if (n == 0 || h->bad_chars > MOST_BAD * h->chars || signs > MOST_SIGNS) return TEXT_LAYER_NONE;
    struct region regions[REGIONS_MAX];
    if (n >= ENOUGH_TEXT && h->image_share < SCAN_SHARE && !h->has_markings)
        return regions_find(h->pictures, regions) ? TEXT_LAYER_BESIDE : TEXT_LAYER_REAL;
    return TEXT_LAYER_DOUBTFUL;
}

bool text_layer_likely_read(const struct decode_words *words, enum text_layer layer)
{
    const struct words_header *h = words->head;
    return layer == TEXT_LAYER_BESIDE || h->has_markings || (layer == TEXT_LAYER_DOUBTFUL && h->image_share >= SCAN_SHARE);
}

void text_layer_erase(const struct decode_words *words, const struct pixels_header *p, struct ink_map *map)
{
    double sx = map->width / p->width_pt, sy = map->height / p->height_pt;
    for (uint32_t i = 0; i < words->head->n; i++) {
        const struct word_record *r = &words->words[i];
        double pad = 0.15 * (double)(r->bottom - r->top) + 1;
        ink_erase(map, ((double)r->left - pad) * sx, ((double)r->top - pad) * sy,
                  ((double)r->right + pad) * sx, ((double)r->bottom + pad) * sy);
    }
}

static void erase_pictures(const struct decode_words *words, struct ink_map *map)
{
    struct region regions[REGIONS_MAX];
    int n = regions_find(words->head->pictures, regions);
    for (int i = 0; i < n; i++)
        ink_erase(map, regions[i].left * map->width, regions[i].top * map->height, regions[i].right * map->width,
                  regions[i].bottom * map->height);
}

static bool covers(const struct decode_words *words, const struct pixels_header *p, struct ink_map *map)
{
    size_t before = ink_count(map);
    text_layer_erase(words, p, map);
    return before > 0 && (double)(before - ink_count(map)) >= LEAST_COVER * (double)before;
}

/* Pictures of any size, those that are no region, too. */
static void erase_cells(const struct decode_words *words, struct ink_map *map)
{
    double w = (double)map->width / DECODE_CELLS, h = (double)map->height / DECODE_CELLS;
    for (int y = 0; y < DECODE_CELLS; y++)
        for (int x = 0; x < DECODE_CELLS; x++)
            if (words->head->pictures[y] >> x & 1) ink_erase(map, (x - 0.5) * w, (y - 0.5) * h, (x + 1.5) * w, (y + 1.5) * h);
}

/* A picture, and where it is one of more dots than a look needs the grey that is its own. */
struct small {
    struct pixels_header head;
    const uint8_t *grey;
    uint8_t *own;
};

/* The means of the dots that become one, as a program that draws a picture smaller takes them. */
static void shrink_row(const struct decode_pixels *from, const struct small *to, uint32_t y)
{
    const struct pixels_header *f = from->head, *t = &to->head;
    uint32_t y1 = y * f->height / t->height, y2 = (y + 1) * f->height / t->height;
    for (uint32_t x = 0; x < t->width; x++) {
        uint32_t x1 = x * f->width / t->width, x2 = (x + 1) * f->width / t->width, sum = 0;
        for (uint32_t j = y1; j < y2; j++)
            for (uint32_t i = x1; i < x2; i++) sum += from->grey[(size_t)j * f->stride + i];
        to->own[(size_t)y * t->stride + x] = (uint8_t)(sum / ((y2 - y1) * (x2 - x1)));
    }
}

/* The picture as if it had been drawn at TEXT_LAYER_DPI. 0, or -1 out of memory. */
static int small_init(struct small *s, const struct decode_pixels *picture)
{
    *s = (struct small){.head = *picture->head, .grey = picture->grey};
    if (s->head.dpi <= TEXT_LAYER_DPI) return 0;
    double by = (double)TEXT_LAYER_DPI / s->head.dpi;
    s->head.width = (uint32_t)fmax(1, round(s->head.width * by));
    s->head.height = (uint32_t)fmax(1, round(s->head.height * by));
    s->head.stride = s->head.width;
    s->head.dpi = TEXT_LAYER_DPI;
    if (!(s->own = malloc((size_t)s->head.stride * s->head.height))) return -1;
    for (uint32_t y = 0; y < s->head.height; y++) shrink_row(picture, s, y);
    s->grey = s->own;
    return 0;
}

/* The ink of a page without its rules, at TEXT_LAYER_DPI: a picture of more dots says the same as one that was drawn so. */
static int look_at(const struct decode_pixels *picture, struct ink_map *map)
{
    struct small s;
    if (small_init(&s, picture) != 0) return -1;
    int result = ink_map_init(map, s.grey, (int)s.head.width, (int)s.head.height, s.head.stride);
    if (result == 0) ink_erase_rules(map);
    free(s.own);
    return result;
}

bool text_layer_lacks(const struct decode_words *words, const struct decode_pixels *picture, const struct page *page, bool scan)
{
    const struct pixels_header *p = picture->head;
    struct page_box lost[LOST_MAX];
    struct ink_map map;
    if (look_at(picture, &map) != 0) return false;
    text_layer_erase(words, p, &map);
    if (!scan) erase_cells(words, &map);
    int n = lost_find(&map, page, LOST_BLOCKS, lost);
    ink_map_done(&map);
    return n > 0;
}

enum text_layer text_layer_look(const struct decode_words *words, const struct decode_pixels *picture)
{
    const struct pixels_header *p = picture->head;
    struct ink_map map;
    if (look_at(picture, &map) != 0) return TEXT_LAYER_NONE;
    struct ink_map beside = {0};
    bool room = regions_share(words->head->pictures) <= MOST_PICTURES && ink_map_copy(&beside, &map) == 0;
    enum text_layer seen = covers(words, p, &map) ? TEXT_LAYER_REAL : TEXT_LAYER_NONE;
    if (seen == TEXT_LAYER_NONE && room) {
        erase_pictures(words, &beside);
        if (covers(words, p, &beside)) seen = TEXT_LAYER_BESIDE;
    }
    ink_map_done(&beside);
    ink_map_done(&map);
    return seen;
}
