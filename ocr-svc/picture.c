#include "ocr-svc/picture.h"

#include <stdlib.h>

#define JPEG_QUALITY 90 /* of 100: below it, thin strokes begin to fray */
#define PNG_EFFORT   1  /* of 9: paper compresses as well as it ever will, in a fifth of the time */

PIX *picture_of(const struct ocr_image *image)
{
    PIX *pix = pixCreateNoInit(image->width, image->height, 8);
    if (!pix) return NULL;
    l_uint32 *data = pixGetData(pix);
    size_t words_per_line = (size_t)pixGetWpl(pix);
    for (int y = 0; y < image->height; y++) {
        l_uint32 *line = data + (size_t)y * words_per_line;
        const uint8_t *from = image->grey + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++) SET_DATA_BYTE(line, x, from[x]);
    }
    return pix;
}

int picture_encode(PIX *pix, enum picture_form form, double scale, struct buf *out, struct err *err)
{
    l_uint8 *bytes = NULL;
    size_t len = 0;
    PIX *made = scale < 1 ? pixScale(pix, (l_float32)scale, (l_float32)scale) : pixClone(pix);
    l_ok bad = !made;
    if (made && form == PICTURE_PNG) {
        (void)pixSetZlibCompression(made, PNG_EFFORT);
        bad = pixWriteMemPng(&bytes, &len, made, 0);
    } else if (made) {
        bad = pixWriteMemJpeg(&bytes, &len, made, JPEG_QUALITY, 0);
    }
    pixDestroy(&made);
    buf_clear(out);
    if (!bad) buf_add(out, bytes, len);
    lept_free(bytes);
    return bad || out->bad ? err_set(err, ERR_NOMEM, "out of memory for a page's picture") : 0;
}
