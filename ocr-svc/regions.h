/* regions: the parts of a page that are pictures, or were drawn over it, beside a text layer. Pure; any thread. */
#ifndef SHEAF_OCR_SVC_REGIONS_H
#define SHEAF_OCR_SVC_REGIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "ocr-svc/decode_wire.h"

/* A rectangle of the upright page, in shares of its width and height. */
struct region {
    double left, top, right, bottom;
};
#define REGIONS_MAX 16

/* The rectangles around what hangs together in `cells` (words_header.pictures), each a little wider than that; those that
 * overlap are one.  What is smaller than a logo is left out.  Returns how many; the largest first. */
int regions_find(const uint32_t cells[DECODE_CELLS], struct region out[REGIONS_MAX]);

double regions_share(const uint32_t cells[DECODE_CELLS]); /* of the page that the cells cover */

#endif
