/* Which way up a page lies.
 *
 * Latin text has more strokes that rise above a line than fall below it; leptonica counts both, upright and
 * sideways, on a small black and white copy (12 ms a page).  When the count speaks clearly for another side,
 * the engine reads a strip both ways and has the last word: a page that stands upright is never turned by
 * mistake. */
#include <math.h>
#include <stdlib.h>
#include "ocr-svc/providers/tesseract.h"

#define COUNT_SIDE 1650 /* pixels of the long side: 150 dpi of a letter page, as the counting wants it */
#define CLEAR      5.0f /* standard deviations */
#define RATIO      1.5f /* between the clear direction and the other axis */
#define STRIP      0.12 /* of the page's height: some ten lines of print, two or three of a form */
#define THIN       0.06 /* … five of print: enough for what reads as well as print does (0.04 cuts too many lines in two) */
#define PIXELS     2200000 /* of a strip, so that one of a poster is no page by itself */
#define BETTER     0.15 /* in mean confidence; for a count that is merely clear */
/* An upright page of print or handwriting counts 11 to 23.  Against so much the strip only has to say nothing to the
 * contrary: of a hand that is read at 0.54 to 0.69 the wrong way round comes out at 0.34 to 0.58. */
#define VERY_CLEAR 10.0f
/* Nothing reads so well that stands on its head or lies on its side: the wrong way round print comes out at 0.36 to
 * 0.45. Then the strip as it lies need not be read, which takes three times as long. */
#define SURE       0.80
#define SURE_WORDS 10

/* Degrees clockwise that the count of rising strokes speaks for, and how clearly; 0 also when it says nothing. */
static int counted(const struct sheet *s, float *clear)
{
    int w = pixGetWidth(s->pix), h = pixGetHeight(s->pix);
    float by = (float)COUNT_SIDE / (float)(w > h ? w : h), up = 0, left = 0;
    PIX *small = by < 1 ? pixScale(s->pix, by, by) : pixClone(s->pix);
    PIX *black = small ? pixConvertTo1(small, 140) : NULL;
    l_ok bad = !black || pixOrientDetect(black, &up, &left, 0, 0);
    pixDestroy(&black);
    pixDestroy(&small);
    if (bad) return 0;
    if (s->on_its_side) up = 0; /* the lines themselves say so: only which side is left to be told */
    *clear = fmaxf(fabsf(up), fabsf(left));
    if (fabsf(up) >= fabsf(left)) return up < -CLEAR && -up > RATIO * fabsf(left) ? 180 : 0;
    if (fabsf(left) < CLEAR || fabsf(left) < RATIO * fabsf(up)) return 0;
    return left > 0 ? 90 : 270;
}

/* The top of the strip, so many rows high, in which ink and paper change most often: where the text is. */
static int busiest_strip(PIX *pix, int rows)
{
    PIX *black = pixConvertTo1(pix, 140);
    int w = pixGetWidth(pix), h = pixGetHeight(pix), best = (h - rows) / 2;
    int64_t *upto = black ? calloc((size_t)h + 1, sizeof *upto) : NULL, most = -1;
    for (int y = 0; upto && y < h; y++) {
        const l_uint32 *line = pixGetData(black) + (size_t)y * (size_t)pixGetWpl(black);
        int changes = 0;
        for (int x = 1; x < w; x++) changes += GET_DATA_BIT(line, x) != GET_DATA_BIT(line, x - 1);
        upto[y + 1] = upto[y] + changes;
    }
    for (int y = 0; upto && y + rows <= h; y++)
        if (upto[y + rows] - upto[y] > most) {
            most = upto[y + rows] - upto[y];
            best = y;
        }
    free(upto);
    pixDestroy(&black);
    return best;
}

struct strip {
    double confidence; /* mean; -1 when it could not be read */
    size_t words;
};

/* A strip of the page turned by `degrees`, so high as a share of it. */
static struct strip read_strip(struct engine *e, const struct sheet *s, int degrees, double share,
                               const struct ocr_wait *wait)
{
    struct strip strip = {.confidence = -1};
    struct page words;
    PIX *turned = degrees ? pixRotateOrth(s->pix, degrees / 90) : pixClone(s->pix);
    if (!turned) return strip;
    int width = pixGetWidth(turned), rows = (int)(pixGetHeight(turned) * share);
    if (rows > PIXELS / width) rows = PIXELS / width;
    BOX *box = boxCreate(0, busiest_strip(turned, rows), width, rows);
    struct sheet cut = {.pix = box ? pixClipRectangle(turned, box, NULL) : NULL, .dpi = s->dpi};
    page_init(&words, 1);
    if (cut.pix && engine_read(e->print, &cut, PSM_SINGLE_BLOCK, wait, &words, NULL) == 0)
        strip = (struct strip){.confidence = page_confidence(&words), .words = words.n_words};
    page_done(&words);
    pixDestroy(&cut.pix);
    boxDestroy(&box);
    pixDestroy(&turned);
    return strip;
}

static bool is_sure(const struct strip *strip)
{
    return strip->confidence >= SURE && strip->words >= SURE_WORDS;
}

int orientation_find(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait)
{
    float clear = 0;
    int degrees = counted(sheet, &clear);
    if (degrees == 0) return 0;
    struct strip thin = read_strip(e, sheet, degrees, THIN, wait);
    if (is_sure(&thin)) return degrees;
    struct strip turned = read_strip(e, sheet, degrees, STRIP, wait);
    if (is_sure(&turned)) return degrees;
    double by = clear >= VERY_CLEAR ? 0 : BETTER;
    return turned.confidence > read_strip(e, sheet, 0, STRIP, wait).confidence + by ? degrees : 0;
}
