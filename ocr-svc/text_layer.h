/* text_layer: whether the text that a PDF carries is what a reader of the page sees. Pure; any thread.
 *
 * It often is not: a scanner's stamp over a picture of the page, a font without a sound map to Unicode, an
 * old recogniser's text that leaves the handwriting out. */
#ifndef SHEAF_OCR_SVC_TEXT_LAYER_H
#define SHEAF_OCR_SVC_TEXT_LAYER_H

#include "ocr-svc/decode.h"
#include "ocr-svc/ink.h"
#include "ocr-svc/page.h"

enum text_layer {
    TEXT_LAYER_NONE,     /* no text, or text that cannot be right */
    TEXT_LAYER_REAL,     /* the page is made of text */
    TEXT_LAYER_BESIDE,   /* … and of pictures that are not in it: mixed.h */
    TEXT_LAYER_DOUBTFUL, /* only a look at the page can tell: text_layer_look() */
};
enum text_layer text_layer_judge(const struct decode_words *words);

/* Whether a page that is looked at is recognised after that, beside its text or instead of it: surely where pictures stand beside the text or somebody
 * drew over it, mostly where it is a scan. */
bool text_layer_likely_read(const struct decode_words *words, enum text_layer layer);

/* The resolution to draw a page at that is only looked at. A picture of more dots is made as small first, and says the same. */
#define TEXT_LAYER_DPI 72

/* REAL when the text stands on (nearly) all ink of the page; BESIDE when it stands on all that lies beside pictures which
 * leave room for text; else NONE. Ruled lines and frames do not count as ink. */
enum text_layer text_layer_look(const struct decode_words *words, const struct decode_pixels *picture);

/* Whether what looks like writing lies on the page beside its text, its fields and its pictures: strokes of a pen that a program drew
 * as lines.  `page` has the layer's words.  `scan`: the picture may be the page itself, a sheet whose handwriting the layer leaves out. */
bool text_layer_lacks(const struct decode_words *words, const struct decode_pixels *picture, const struct page *page, bool scan);

/* Takes what lies under the layer's words, a little widened, off the page's ink. */
void text_layer_erase(const struct decode_words *words, const struct pixels_header *picture, struct ink_map *map);

#endif
