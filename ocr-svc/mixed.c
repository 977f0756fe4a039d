#include "ocr-svc/mixed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/ink.h"
#include "ocr-svc/regions.h"
#include "ocr-svc/text_layer.h"

/* Ink of a region, as a share of the page: less is an edge, a crease, or a picture whose words are all in the text layer. */
#define LEAST_INK 0.0005
/* A photograph's leaves and faces come out as "oa", ".-." and "ad" at 0.3 to 0.5, words in it at 0.7 and more. */
#define GUESS 0.5
/* What somebody wrote on a page by a pen comes out lower, and is better doubted than lost. */
#define PEN_GUESS 0.3

struct cut {
    int x, y, width, height; /* pixels of the page */
};

static struct cut cut_of(const struct region *r, const struct pixels_header *p)
{
    int x1 = (int)(r->left * p->width), y1 = (int)(r->top * p->height);
    int x2 = (int)(r->right * p->width), y2 = (int)(r->bottom * p->height);
    return (struct cut){x1, y1, x2 - x1, y2 - y1};
}

static size_t ink_in(const struct ink_map *map, const struct region *r)
{
    size_t n = 0;
    for (int y = (int)(r->top * map->height); y < (int)(r->bottom * map->height); y++)
        for (int x = (int)(r->left * map->width); x < (int)(r->right * map->width); x++)
            n += map->cells[(size_t)y * (size_t)map->width + (size_t)x];
    return n;
}

/* Paints over a word of the text layer, a little widened. */
static void paint(uint8_t *grey, const struct cut *c, const struct word_record *w, double sx, double sy)
{
    double pad = 0.15 * (double)(w->bottom - w->top) + 1;
    int x1 = (int)fmax(0, ((double)w->left - pad) * sx - c->x), x2 = (int)fmin(c->width, ((double)w->right + pad) * sx - c->x);
    int y1 = (int)fmax(0, ((double)w->top - pad) * sy - c->y), y2 = (int)fmin(c->height, ((double)w->bottom + pad) * sy - c->y);
    for (int y = y1; y < y2 && x1 < x2; y++) memset(grey + (size_t)y * (size_t)c->width + x1, 255, (size_t)(x2 - x1));
}

/* The region without the text layer's words; the caller's. NULL: out of memory. */
static uint8_t *cut_out(const struct cut *c, const struct decode_words *words, const struct decode_pixels *picture)
{
    const struct pixels_header *p = picture->head;
    uint8_t *grey = malloc((size_t)c->width * (size_t)c->height);
    if (!grey) return NULL;
    for (int y = 0; y < c->height; y++)
        memcpy(grey + (size_t)y * (size_t)c->width, picture->grey + (size_t)(c->y + y) * p->stride + c->x, (size_t)c->width);
    for (uint32_t i = 0; i < words->head->n; i++)
        if (!words->words[i].is_field) /* a field's words give way to its value */
            paint(grey, c, &words->words[i], p->width / p->width_pt, p->height / p->height_pt);
    return grey;
}

/* Words of the region, which may have been turned to be read, onto the page. */
static int take(const struct page *part, const struct region *r, double guess, struct page *page, struct err *err)
{
    for (size_t i = 0; i < part->n_words; i++) {
        const struct page_word *w = &part->words[i];
        if ((double)w->confidence < guess) continue;
        struct page_box b = page_box_turned(w->box, (360 - part->rotation) % 360);
        double width = r->right - r->left, height = r->bottom - r->top;
        b = (struct page_box){(int)(r->left * PAGE_UNITS + b.left * width), (int)(r->top * PAGE_UNITS + b.top * height),
                              (int)(r->left * PAGE_UNITS + b.right * width), (int)(r->top * PAGE_UNITS + b.bottom * height)};
        if (page_add_word(page, page_word_text(part, w), NULL, &b, (double)w->confidence, WORD_RECOGNISED, err) != 0) return -1;
    }
    return 0;
}

static int read_region(const struct ocr_provider *provider, void *engine, const struct region *r, double guess,
                       const struct decode_words *words, const struct decode_pixels *picture, const struct ocr_wait *wait,
                       struct page *page, struct err *err)
{
    const struct pixels_header *p = picture->head;
    struct cut c = cut_of(r, p);
    if (c.width <= 0 || c.height <= 0) return 0;
    uint8_t *grey = cut_out(&c, words, picture);
    if (!grey) return err_set(err, ERR_NOMEM, "out of memory for a part of a page");
    struct ocr_image image = {
        .grey = grey, .width = c.width, .height = c.height, .stride = (size_t)c.width, .dpi = (int)p->dpi};
    struct page part;
    page_init(&part, page->number);
    part.width = p->width_pt * (r->right - r->left);
    part.height = p->height_pt * (r->bottom - r->top);
    int result = provider->recognise(engine, &image, wait, &part, err);
    if (result == 0) result = take(&part, r, guess, page, err);
    if (result == 0 && part.n_words) page->lang = part.lang;
    page_done(&part);
    free(grey);
    return result;
}

int mixed_recognise_page(const struct ocr_provider *provider, void *engine, const struct decode_words *words,
                         const struct decode_pixels *picture, const struct ocr_wait *wait, struct page *page,
                         struct err *err)
{
    static const struct region whole = {.right = 1, .bottom = 1};
    return read_region(provider, engine, &whole, PEN_GUESS, words, picture, wait, page, err);
}

int mixed_recognise(const struct ocr_provider *provider, void *engine, const struct decode_words *words,
                    const struct decode_pixels *picture, const struct ocr_wait *wait, struct page *page,
                    struct err *err)
{
    const struct pixels_header *p = picture->head;
    struct region regions[REGIONS_MAX];
    struct ink_map map;
    int n = regions_find(words->head->pictures, regions), result = 0;
    if (ink_map_init(&map, picture->grey, (int)p->width, (int)p->height, p->stride) != 0)
        return err_set(err, ERR_NOMEM, "out of memory for a page's ink");
    page->ink = ink_share(&map);
    ink_erase_rules(&map);
    text_layer_erase(words, p, &map);
    double least = LEAST_INK * map.width * map.height;
    for (int i = 0; i < n && result == 0; i++)
        if ((double)ink_in(&map, &regions[i]) >= least)
            result = read_region(provider, engine, &regions[i], GUESS, words, picture, wait, page, err);
    ink_map_done(&map);
    return result;
}
