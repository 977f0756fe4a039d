/* tesseract: what the files of this provider share; nobody else includes it. */
#ifndef SHEAF_OCR_SVC_PROVIDERS_TESSERACT_H
#define SHEAF_OCR_SVC_PROVIDERS_TESSERACT_H

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>
#include "ocr-svc/ocr.h"

/* One warm engine; belongs to one work thread. */
struct engine {
    TessBaseAPI *api;
};

/* A page's picture on its way through the provider. */
struct sheet {
    PIX *pix; /* 8 bits grey, upright and straight */
    int dpi;
    double slant; /* radians, clockwise, by which it was turned to be straight */
};

/* Recognises the sheet and appends its words to `page`. Errors as ocr_provider.recognise.  (For a part of a
 * sheet clip the picture: TessBaseAPISetRectangle with a strip of full width reads another strip in
 * Tesseract 5.3.0.) */
int engine_read(struct engine *e, const struct sheet *sheet, TessPageSegMode mode,
                const struct ocr_wait *wait, struct page *page, struct err *err);

/* By how many degrees clockwise (0, 90, 180, 270) the picture has to be turned to be read. Cheap for a page
 * that stands upright. Never says anything but 0 on weak evidence. */
int orientation_find(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait);

#endif
