#include "ocr-svc/text_layer.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/ink.h"

/* A page whose pictures cover less than this is not a scan, and one with this many words and no scan is text.
 */
#define SCAN_SHARE  0.3
#define ENOUGH_TEXT 20
/* An ill-mapped font turns letters into control characters, private ones or punctuation. */
#define MOST_BAD   0.1
#define MOST_SIGNS 0.4
/* The ink that real text leaves uncovered: a logo, a signature's flourish, a stamp. */
#define LEAST_COVER 0.85

/* Share of signs among the characters of the layer; lines of dots, dashes and underscores are a form's way to
 * leave room and say nothing. */
static double sign_share(const struct decode_words *w, unsigned *n_words)
{
    unsigned signs = 0, all = 0;
    *n_words = 0;
    for (uint32_t i = 0; i < w->head->n; i++) {
        if (w->words[i].is_field) continue;
        (*n_words)++;
        for (const char *c = w->texts + w->words[i].text; *c; c++) {
            if (((unsigned char)*c & 0xC0) == 0x80 || strchr("._-", *c)) continue;
            all++;
            signs += isascii((unsigned char)*c) && ispunct((unsigned char)*c);
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
    if (n >= ENOUGH_TEXT && h->image_share < SCAN_SHARE && !h->has_markings) return TEXT_LAYER_REAL;
    return TEXT_LAYER_DOUBTFUL;
}

/* Takes away what lies under the words' boxes, a little widened. */
static void erase_words(const struct decode_words *words, const struct pixels_header *p, struct ink_map *map)
{
    double sx = map->width / p->width_pt, sy = map->height / p->height_pt;
    for (uint32_t i = 0; i < words->head->n; i++) {
        const struct word_record *r = &words->words[i];
        double pad = 0.15 * (double)(r->bottom - r->top) + 1;
        ink_erase(map, ((double)r->left - pad) * sx, ((double)r->top - pad) * sy,
                  ((double)r->right + pad) * sx, ((double)r->bottom + pad) * sy);
    }
}

bool text_layer_covers(const struct decode_words *words, const struct decode_pixels *picture)
{
    const struct pixels_header *p = picture->head;
    struct ink_map map;
    if (ink_map_init(&map, picture->grey, (int)p->width, (int)p->height, p->stride) != 0) return false;
    ink_erase_rules(&map);
    size_t before = ink_count(&map);
    erase_words(words, p, &map);
    size_t after = ink_count(&map);
    ink_map_done(&map);
    return before > 0 && (double)(before - after) >= LEAST_COVER * (double)before;
}
