/* Which way up a page lies.
 *
 * Latin text has more strokes that rise above a line than fall below it; leptonica counts both, upright and
 * sideways, on a small black and white copy (12 ms a page).  When the count speaks clearly for another side,
 * the engine reads a strip both ways and has the last word: a page that stands upright is never turned by
 * mistake. */
#include <math.h>
#include "ocr-svc/providers/tesseract.h"

#define COUNT_SIDE 1650 /* pixels of the long side: 150 dpi of a letter page, as the counting wants it */
#define CLEAR      5.0f /* standard deviations */
#define RATIO      1.5f /* between the clear direction and the other axis */
#define STRIP      0.22 /* of the page's height */
#define BETTER     0.15 /* in mean confidence */

/* Degrees clockwise that the count of rising strokes speaks for; 0 also when it says nothing. */
static int counted(const struct sheet *s)
{
    int w = pixGetWidth(s->pix), h = pixGetHeight(s->pix);
    float by = (float)COUNT_SIDE / (float)(w > h ? w : h), up = 0, left = 0;
    PIX *small = by < 1 ? pixScale(s->pix, by, by) : pixClone(s->pix);
    PIX *black = small ? pixConvertTo1(small, 140) : NULL;
    l_ok bad = !black || pixOrientDetect(black, &up, &left, 0, 0);
    pixDestroy(&black);
    pixDestroy(&small);
    if (bad) return 0;
    if (fabsf(up) >= fabsf(left)) return up < -CLEAR && -up > RATIO * fabsf(left) ? 180 : 0;
    if (fabsf(left) < CLEAR || fabsf(left) < RATIO * fabsf(up)) return 0;
    return left > 0 ? 90 : 270;
}

/* Mean confidence of a strip across the middle of the page turned by `degrees`; -1 when it could not be read.
 */
static double strip_confidence(struct engine *e, const struct sheet *s, int degrees,
                               const struct ocr_wait *wait)
{
    double confidence = -1;
    struct page words;
    PIX *turned = pixRotateOrth(s->pix, degrees / 90);
    if (!turned) return -1;
    int h = pixGetHeight(turned), strip = (int)(h * STRIP);
    BOX *middle = boxCreate(0, (h - strip) / 2, pixGetWidth(turned), strip);
    struct sheet cut = {.pix = middle ? pixClipRectangle(turned, middle, NULL) : NULL, .dpi = s->dpi};
    page_init(&words, 1);
    if (cut.pix && engine_read(e, &cut, PSM_SINGLE_BLOCK, wait, &words, NULL) == 0)
        confidence = page_confidence(&words);
    page_done(&words);
    pixDestroy(&cut.pix);
    boxDestroy(&middle);
    pixDestroy(&turned);
    return confidence;
}

int orientation_find(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait)
{
    int degrees = counted(sheet);
    if (degrees == 0) return 0;
    double as_it_is = strip_confidence(e, sheet, 0, wait);
    return strip_confidence(e, sheet, degrees, wait) > as_it_is + BETTER ? degrees : 0;
}
