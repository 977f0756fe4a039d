#include "ocr-svc/providers/sheet.h"

#include <math.h>

#define NEAR 1.1 /* a change of size below this is not worth a copy */

static void replace(struct sheet *s, PIX *by)
{
    if (!by) return;
    pixDestroy(&s->pix);
    s->pix = by;
}

void sheet_turn(struct sheet *s, int degrees, struct page *page)
{
    if (degrees == 0) return;
    replace(s, pixRotateOrth(s->pix, degrees / 90));
    page_turn(page, degrees);
}

void sheet_straighten(struct sheet *s)
{
    double slant = sheet_slant(s->pix, &s->on_its_side);
    PIX *straight = slant != 0 ? pixRotate(s->pix, (l_float32)slant, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0) : NULL;
    if (straight) s->slant = slant;
    replace(s, straight);
}

void sheet_resize(struct sheet *s, int dpi)
{
    double by = (double)dpi / s->dpi;
    if (by * NEAR > 1 && by < NEAR) return;
    PIX *other = pixScale(s->pix, (l_float32)by, (l_float32)by);
    if (other) s->dpi = dpi;
    replace(s, other);
}

struct page_box sheet_box_on_page(const struct sheet *s, int l, int t, int r, int b)
{
    int width = pixGetWidth(s->pix), height = pixGetHeight(s->pix);
    double cx = width / 2.0, cy = height / 2.0, x = (l + r) / 2.0 - cx, y = (t + b) / 2.0 - cy;
    double c = cos(s->slant), n = sin(s->slant);
    double ox = x * c + y * n + cx, oy = y * c - x * n + cy, w = (r - l) / 2.0, h = (b - t) / 2.0;
    double ux = (double)PAGE_UNITS / width, uy = (double)PAGE_UNITS / height;
    return (struct page_box){(int)lround((ox - w) * ux), (int)lround((oy - h) * uy),
                             (int)lround((ox + w) * ux), (int)lround((oy + h) * uy)};
}

PIX *sheet_cut(const struct sheet *s, const struct page_box *box, int margin)
{
    double ux = (double)pixGetWidth(s->pix) / PAGE_UNITS, uy = (double)pixGetHeight(s->pix) / PAGE_UNITS;
    int x = (int)lround(box->left * ux) - margin, y = (int)lround(box->top * uy) - margin;
    BOX *place = boxCreate(x, y, (int)lround(box->right * ux) + margin - x,
                           (int)lround(box->bottom * uy) + margin - y);
    PIX *pix = place ? pixClipRectangle(s->pix, place, NULL) : NULL;
    boxDestroy(&place);
    return pix;
}
