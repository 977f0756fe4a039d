/* picture: a page's grey picture as leptonica holds it, and as bytes that other services take. */
#ifndef SHEAF_OCR_SVC_PICTURE_H
#define SHEAF_OCR_SVC_PICTURE_H

#include <leptonica/allheaders.h>
#include "lib/buf.h"
#include "ocr-svc/ocr.h"

/* 8 bits grey; the caller's: pixDestroy(). NULL: no memory. */
PIX *picture_of(const struct ocr_image *image);

enum picture_form { PICTURE_PNG, PICTURE_JPEG };

/* Writes the picture into *out, scaled by `scale` (0 < scale <= 1). ERR_NOMEM. */
int picture_encode(PIX *pix, enum picture_form form, double scale, struct buf *out, struct err *err);

#endif
