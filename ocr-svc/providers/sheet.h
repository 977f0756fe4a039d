/* sheet: a page's picture on its way through the provider, made ready to be read.
 *
 * Places on it are pixels from the top left.  One work thread.  A step that fails, for want of memory, is a
 * step left out. */
#ifndef SHEAF_OCR_SVC_PROVIDERS_SHEET_H
#define SHEAF_OCR_SVC_PROVIDERS_SHEET_H

#include <leptonica/allheaders.h>
#include "ocr-svc/page.h"

struct sheet {
    PIX *pix; /* 8 bits grey, upright and straight */
    int dpi;
    double slant;     /* radians, clockwise, by which it was turned to be straight */
    bool on_its_side; /* its lines run up and down, as far as sheet_straighten() could tell */
};

/* Turns it clockwise by 0, 90, 180 or 270 degrees and notes that in `page`. */
void sheet_turn(struct sheet *s, int degrees, struct page *page);
/* By how much it would have to be turned clockwise to lie straight, in radians; 0: not at all, or there is nothing to tell by
 * (slant.c). *on_its_side: its lines run up and down. */
double sheet_slant(PIX *grey, bool *on_its_side);
/* Takes the slant of a scan out of it. */
void sheet_straighten(struct sheet *s);
/* Brings it to `dpi`, unless it is nearly there. */
void sheet_resize(struct sheet *s, int dpi);

/* Where a box of the sheet, in pixels, lies on the page as it was before it was put straight: its middle is
 * turned by the slant, its sides stay. */
struct page_box sheet_box_on_page(const struct sheet *s, int left, int top, int right, int bottom);
/* A copy of what a box of the straight page (page_straighten()) and `margin` pixels around it show; NULL: no
 * memory, or nothing. */
PIX *sheet_cut(const struct sheet *s, const struct page_box *box, int margin);

#endif
