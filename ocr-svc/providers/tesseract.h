/* tesseract: what the files of this provider share; nobody else includes it. */
#ifndef SHEAF_OCR_SVC_PROVIDERS_TESSERACT_H
#define SHEAF_OCR_SVC_PROVIDERS_TESSERACT_H

#include <tesseract/capi.h>
#include "ocr-svc/ocr.h"
#include "ocr-svc/providers/sheet.h"

/* Mean confidence of a page. Print that is read well lies above 0.94, handwriting mostly below 0.93. */
#define PAGE_STRONG 0.935
/* Of a word, Tesseract's own figure: those above it are right in 99 of 100. */
#define WORD_DOUBTFUL 0.90f

/* Warm; belongs to one work thread. */
struct engine {
    TessBaseAPI *print; /* Debian's networks of English and Spanish, with their words */
    TessBaseAPI *hand;  /* the network for handwriting of ocr-svc/hand, which knows no words */
};

/* Recognises a picture; the result stays in `api` until TessBaseAPIClear().  Errors as
 * ocr_provider.recognise. */
int engine_recognise(TessBaseAPI *api, PIX *pix, int dpi, TessPageSegMode mode, const struct ocr_wait *wait,
                     struct err *err);

/* Recognises the sheet and appends its words to `page`. Errors as ocr_provider.recognise.  (For a part of a
 * sheet clip the picture: TessBaseAPISetRectangle with a strip of full width reads another strip in
 * Tesseract 5.3.0.) */
int engine_read(TessBaseAPI *api, const struct sheet *sheet, TessPageSegMode mode,
                const struct ocr_wait *wait, struct page *page, struct err *err);

/* Reads what the layout left out: writing under no word of the page, whose words stand on the straight page.
 * Never fails: where it cannot go on, the page stays as it is. */
void read_lost_blocks(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait,
                      struct page *page);

/* Puts the words, which stand on the straight page, in reading order and reads what is doubtful among them
 * again, piece by piece (reread.c). Never fails: where it cannot go on, what was read first stands. */
void reread_doubtful(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait,
                     struct page *page);

/* By how many degrees clockwise (0, 90, 180, 270) the picture has to be turned to be read. Cheap for a page
 * that stands upright. Never says anything but 0 on weak evidence. */
int orientation_find(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait);

#endif
