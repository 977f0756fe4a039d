/* tesseract: what tesseract.c and orientation.c share; nobody else includes it. */
#ifndef SHEAF_OCR_SVC_PROVIDERS_TESSERACT_H
#define SHEAF_OCR_SVC_PROVIDERS_TESSERACT_H

#include <leptonica/allheaders.h>
#include "ocr-svc/ocr.h"

struct engine;

/* What the engine makes of a strip of a page: how many letters, and how sure it is of them in all. */
struct engine_seen {
    size_t letters;
    double sure; /* sum over letters of 0 to 1 */
};
struct engine_seen engine_look(struct engine *e, PIX *pix, int dpi, const struct ocr_wait *wait);

#endif
