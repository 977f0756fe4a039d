/* mixed: a page whose text layer is real, and on which pictures lie beside the text: a slip that was pasted and scanned, a
 * photograph of a filled-in box, handwriting drawn over it, or lines and shapes that are a pen's strokes.  The text stays as it
 * is; of the pictures is read what is not text already.  One thread at a time for an engine. */
#ifndef SHEAF_OCR_SVC_MIXED_H
#define SHEAF_OCR_SVC_MIXED_H

#include "ocr-svc/decode.h"
#include "ocr-svc/ocr.h"

/* Appends to `page` what `engine` reads in the picture's regions; the words of the text layer are painted over before, and
 * what comes out as a guess is left away.  `picture` is the whole page drawn. Errors as ocr_provider.recognise. */
int mixed_recognise(const struct ocr_provider *provider, void *engine, const struct decode_words *words,
                    const struct decode_pixels *picture, const struct ocr_wait *wait, struct page *page,
                    struct err *err);

/* The same over the whole page: somebody wrote on it, no picture shows where. */
int mixed_recognise_page(const struct ocr_provider *provider, void *engine, const struct decode_words *words,
                         const struct decode_pixels *picture, const struct ocr_wait *wait, struct page *page,
                         struct err *err);

#endif
